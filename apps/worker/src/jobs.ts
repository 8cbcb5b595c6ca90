/** Jobs as their owners see them: accepted, read, cancelled. What is true of a job stands in pg-boss's row alone. */
import { createHash, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Database, Statement } from '@spillway/postgres'
import type { Caller } from '@spillway/service'
import type { Db, JobWithMetadata } from 'pg-boss'
import { type Static, Type } from 'typebox'
import { landed } from './claim.ts'
import { failureOf } from './failure.ts'
import { type JobData, QUEUE, type Queue } from './queue.ts'

const Time = Type.String({ format: 'date-time' })

export const Job = Type.Object({
  id: Type.String(),
  task: Type.String(),
  input: Type.Unknown(),
  state: Type.Enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  /** 0 to 1, of the newest run. */
  progress: Type.Number(),
  /** How many runs were begun. */
  attempt: Type.Integer(),
  createdAt: Time,
  /** When the newest run began. */
  startedAt: Type.Optional(Time),
  finishedAt: Type.Optional(Time),
  result: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Object({ message: Type.String() })),
})
export type Job = Static<typeof Job>

const STATES = {
  created: 'queued',
  retry: 'queued',
  active: 'running',
  completed: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
} as const

export function isFinished({ state }: Job): boolean {
  return state !== 'queued' && state !== 'running'
}

/** `reused`: the owner's key belongs to a job of other content. */
export type Accepted = { readonly outcome: 'accepted'; readonly job: Job } | { readonly outcome: 'reused' }
export type Cancelled =
  | { readonly outcome: 'cancelled' | 'finished'; readonly job: Job }
  | { readonly outcome: 'missing' }

const PROGRESS: Statement = {
  name: 'job_progress',
  text: 'SELECT progress FROM job_progress WHERE job_id = $1 AND retry_count = $2',
}

export class Jobs {
  readonly #queue: Queue
  readonly #database: Database

  constructor(queue: Queue, database: Database) {
    this.#queue = queue
    this.#database = database
  }

  /** Commits the job, once for each key of its owner. */
  async accept(data: JobData, key: string | undefined, caller: Caller): Promise<Accepted> {
    const id = key === undefined ? randomUUID() : idOf(data.owner, key)
    for (;;) {
      const sent = await this.#queue.boss.send(QUEUE, data, { id, db: this.#through('job_send', caller) })
      const row = await this.#find(id, caller)
      // Only where its 24 hours ended between the two.
      if (!row) continue
      if (sent !== null) return { outcome: 'accepted', job: asAccepted(row) }
      if (!isDeepStrictEqual(row.data, data)) return { outcome: 'reused' }
      return { outcome: 'accepted', job: await this.#view(row, caller) }
    }
  }

  /** Nothing where there is no such job, or it is not `owner`'s. */
  async read(id: string, owner: string, caller: Caller): Promise<Job | undefined> {
    const row = await this.#find(id, caller)
    return row?.data.owner === owner ? this.#view(row, caller) : undefined
  }

  /** A job that waits will never run; one that runs is told so by its worker's next heartbeat, and can write nothing more. */
  async cancel(id: string, owner: string, caller: Caller): Promise<Cancelled> {
    if (!(await this.read(id, owner, caller))) return { outcome: 'missing' }
    const cancelled = landed(await this.#queue.boss.cancel(QUEUE, id, { db: this.#through('job_cancel', caller) }))
    const job = await this.read(id, owner, caller)
    if (!job) return { outcome: 'missing' }
    return { outcome: cancelled ? 'cancelled' : 'finished', job }
  }

  async #find(id: string, caller: Caller): Promise<JobWithMetadata<JobData> | undefined> {
    if (!UUID.test(id)) return undefined
    const [row] = await this.#queue.boss.findJobs<JobData>(QUEUE, { id, db: this.#through('job_read', caller) })
    return row
  }

  async #view(row: JobWithMetadata<JobData>, caller: Caller): Promise<Job> {
    const { id, data, retryCount, createdOn, startedOn, completedOn } = row
    const state = STATES[row.state]
    const { result } = (row.output ?? {}) as { result?: object }
    return {
      id,
      task: data.task,
      input: data.input,
      state,
      progress: state === 'succeeded' ? 1 : state === 'queued' ? 0 : await this.#progress(id, retryCount, caller),
      attempt: startedOn ? retryCount + 1 : 0,
      createdAt: createdOn.toISOString(),
      ...(startedOn ? { startedAt: startedOn.toISOString() } : {}),
      ...(completedOn ? { finishedAt: completedOn.toISOString() } : {}),
      ...(state === 'succeeded' ? { result } : {}),
      ...(state === 'failed' ? { error: failureOf(row.output) } : {}),
    }
  }

  async #progress(id: string, retryCount: number, caller: Caller): Promise<number> {
    const [row] = await this.#database.query<{ progress: number }>(PROGRESS, [id, retryCount], caller)
    return row?.progress ?? 0
  }

  /** pg-boss's statement over our own pool, so that it waits no longer than the caller does, and fails as all others do. */
  #through(name: string, caller: Caller): Db {
    return {
      executeSql: async (text, values = []) => ({
        rows: [...(await this.#database.query({ name, text }, values, caller))],
      }),
    }
  }
}

/** As it was committed, though a worker may have it already. */
function asAccepted({ id, data: { task, input }, createdOn }: JobWithMetadata<JobData>): Job {
  return { id, task, input, state: 'queued', progress: 0, attempt: 0, createdAt: createdOn.toISOString() }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * The job's id follows from owner and key (RFC 9562, version 8), so the primary key itself lets only one in, and forgets
 * the key with the job.
 */
export function idOf(owner: string, key: string): string {
  const bytes = createHash('sha256')
    .update(JSON.stringify([owner, key]))
    .digest()
    .subarray(0, 16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
