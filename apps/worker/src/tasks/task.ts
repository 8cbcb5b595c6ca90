/** What a task is: an input that is checked before it is accepted, and the work, which may run more than once. */
import type { Static, TObject } from 'typebox'

/** One run of a job, as its task sees it. */
export interface Run {
  /** Aborts when the job was cancelled, taken over by another worker, or has to be given back: stop at once. */
  readonly signal: AbortSignal
  /** Says how far the work is, 0 to 1; as often as it likes, since only some of it is written. */
  progress(fraction: number): void
}

export interface Task<Input extends TObject = TObject> {
  /** What the request has beside `task`; closed, so that a misspelt member is refused. */
  readonly input: Input
  /**
   * @returns the result, as JSON of at most 1 MiB
   * @throws {TaskError} with words for the owner; of anything else the owner learns only that it happened
   */
  run(input: Static<Input>, run: Run): Promise<object>
}

/** A failure that the owner of the job may read about. `permanent`: trying again would not help. */
export class TaskError extends Error {
  override name = 'TaskError'
  readonly permanent: boolean

  constructor(message: string, { permanent = false, cause }: { permanent?: boolean; cause?: unknown } = {}) {
    super(message, { cause })
    this.permanent = permanent
  }
}

/** Keeps the task's own input type where tasks of all kinds stand in one table. */
export function task<Input extends TObject>(definition: Task<Input>): Task {
  return definition as unknown as Task
}
