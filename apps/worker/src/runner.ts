/** Runs jobs: takes them from the queue, lets their tasks work, and settles what comes of it. */
import type { ServiceContext } from '@spillway/service'
import type { JobResult, JobWithMetadata, PgBoss } from 'pg-boss'
import { restMs } from './backoff.ts'
import { Claim } from './claim.ts'
import type { Measures } from './measure.ts'
import { Progress } from './progress.ts'
import { type JobData, POLLING, QUEUE } from './queue.ts'
import { type Run, TaskError } from './tasks/task.ts'
import type { Tasks } from './tasks/tasks.ts'

type FetchedJob = JobWithMetadata<JobData>

/** What became of one run. */
type Outcome =
  | { readonly is: 'done'; readonly result: object }
  | { readonly is: 'failed'; readonly error: TaskError }
  /** The job is not ours any more: cancelled, out of time, or taken over. */
  | { readonly is: 'lost' }
  /** This process stops; the job goes on elsewhere. */
  | { readonly is: 'handed over' }

export interface RunnerOptions {
  tasks: Tasks
  /** Jobs at once. */
  concurrency: number
  measures: Measures
  logger: ServiceContext['logger']
  /** 0 to 1. */
  random: () => number
}

const RESULT_BYTES = 1_048_576

export class Runner {
  readonly #options: RunnerOptions
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #boss: PgBoss | undefined
  #stopped = false

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  get running(): number {
    return this.#running.size
  }

  /** Takes jobs from now on. */
  async begin(boss: PgBoss): Promise<void> {
    // PostgreSQL may come when this process is already on its way out.
    if (this.#stopped) return
    this.#boss = boss
    const options = { ...POLLING, batchSize: 1, includeMetadata: true, perJobResults: true } as const
    for (let place = 0; place < this.#options.concurrency; place++) {
      const id = await boss.work<JobData, void, typeof options>(QUEUE, options, async ([job]) => {
        if (!job) return []
        const run = this.#settle(boss, job)
        this.#running.add(run)
        try {
          return await run
        } finally {
          this.#running.delete(run)
          // There may be more: pg-boss would rest until its next poll.
          boss.notifyWorker(id)
        }
      })
    }
  }

  /** Takes no more jobs, waits up to `graceMs` for those under way, then gives them back. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true
    await this.#boss?.offWork(QUEUE, { wait: false })
    const timer = setTimeout(() => this.#stopping.abort(), graceMs)
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    clearTimeout(timer)
  }

  /**
   * What pg-boss is to do with the job. It takes no answer for a failure, which it then finds done already: those
   * outcomes are written here.
   */
  async #settle(boss: PgBoss, job: FetchedJob): Promise<JobResult[]> {
    const { measures, random } = this.#options
    const { task } = job.data
    const claim = new Claim(boss, job)
    const stopwatch = measures.duration.startTimer({ task })
    const outcome = await this.#attempt(claim, job)
    stopwatch()
    if (outcome.is === 'lost') return []
    if (outcome.is === 'handed over') {
      if (await claim.giveBack()) this.#options.logger.info({ job: job.id, task }, 'a job was given back')
      return []
    }
    if (outcome.is === 'done') {
      if (!(await claim.held())) return []
      measures.jobs.inc({ task, outcome: 'succeeded' })
      return [{ id: job.id, status: 'completed', output: { result: outcome.result } }]
    }
    const output = { error: { message: outcome.error.message } }
    if (outcome.error.permanent || job.retryCount >= job.retryLimit) {
      if (!(await claim.held())) return []
      measures.jobs.inc({ task, outcome: 'failed' })
      return [{ id: job.id, status: 'deadletter', output }]
    }
    const retried = await claim.retry(output, restMs(job.retryCount + 1, random))
    if (retried) measures.jobs.inc({ task, outcome: 'retried' })
    return []
  }

  async #attempt(claim: Claim, { id, data, retryCount, signal: claimed }: FetchedJob): Promise<Outcome> {
    const lost = new AbortController()
    const stopping = this.#stopping.signal
    const signal = AbortSignal.any([claimed, stopping, lost.signal])
    const progress = new Progress(
      (fraction) => claim.progress(fraction),
      () => lost.abort(),
    )
    try {
      const work = this.#work(data, { signal, progress: (fraction) => progress.tell(fraction) })
      return { is: 'done', result: await unlessAborted(signal, work) }
    } catch (cause) {
      if (claimed.aborted || lost.signal.aborted) return { is: 'lost' }
      if (stopping.aborted) return { is: 'handed over' }
      const error = cause instanceof TaskError ? cause : new TaskError('the task failed unexpectedly', { cause })
      const log = { err: error.cause ?? error, job: id, task: data.task, attempt: retryCount + 1 }
      this.#options.logger[error === cause ? 'warn' : 'error'](log, 'a job failed')
      return { is: 'failed', error }
    } finally {
      progress.close()
    }
  }

  async #work({ task, input }: JobData, run: Run): Promise<object> {
    const known = this.#options.tasks.get(task)
    // Of a newer version, and for the workers of that version to try.
    if (!known) throw new TaskError(`this worker does not know the task ${task}`)
    const result = await known.run(input, run)
    const bytes = Buffer.byteLength(JSON.stringify(result))
    if (bytes <= RESULT_BYTES) return result
    throw new TaskError(`the result has ${bytes} bytes; the limit is ${RESULT_BYTES}`, { permanent: true })
  }
}

/** Does not wait for tasks that are slow to notice: what they still do has no effect. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
