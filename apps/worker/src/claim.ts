/**
 * One run's hold on its job. Everything a run writes goes through here and lands only while pg-boss has the job active
 * under this very attempt: not after it was cancelled, or given to another worker because this one was not heard of.
 */
import type { CommandResponse, Db, JobWithMetadata, PgBoss } from 'pg-boss'
import { QUEUE } from './queue.ts'

const PROGRESS = `
  INSERT INTO job_progress (job_id, retry_count, progress) VALUES ($1, $2, $3)
  ON CONFLICT (job_id) DO UPDATE
  SET retry_count = excluded.retry_count, progress = excluded.progress, updated_at = now()`

type Attempt = Pick<JobWithMetadata, 'id' | 'retryCount'>
/** As it was fetched, with how many retries it may have. */
type Fetched = Attempt & Pick<JobWithMetadata, 'retryLimit'>

export class Claim {
  readonly #boss: PgBoss
  readonly #job: Fetched
  readonly #attempt: Attempt

  constructor(boss: PgBoss, job: Fetched) {
    this.#boss = boss
    this.#job = job
    this.#attempt = { id: job.id, retryCount: job.retryCount }
  }

  /** Whether the job is still ours. */
  async held(): Promise<boolean> {
    return landed(await this.#boss.touch(QUEUE, this.#attempt))
  }

  /** Writes how far the run is; false where the job is not ours any more. */
  progress(fraction: number): Promise<boolean> {
    return this.#transaction(async (db) => {
      // Also locks the job's row, so that nobody takes the job before the progress is written.
      if (!landed(await this.#boss.touch(QUEUE, this.#attempt, { db }))) return false
      await db.executeSql(PROGRESS, [this.#attempt.id, this.#attempt.retryCount, fraction])
      return true
    })
  }

  /** Fails the run with `output`; the job is tried again after `ms`, where pg-boss has a retry left. */
  retry(output: object, ms: number): Promise<boolean> {
    return this.#transaction(async (db) => {
      if (!landed(await this.#boss.fail(QUEUE, this.#attempt, output, { db }))) return false
      await this.#boss.update(QUEUE, undefined, { id: this.#attempt.id, startAfter: new Date(Date.now() + ms), db })
      return true
    })
  }

  /**
   * Back into the queue, for any worker, at once. The next run has a number of its own, since that is what fences this
   * one, so the job gets a retry more in exchange.
   */
  giveBack(): Promise<boolean> {
    const { id } = this.#attempt
    return this.#transaction(async (db) => {
      if (!landed(await this.#boss.cancel(QUEUE, this.#attempt, { db }))) return false
      await this.#boss.resume(QUEUE, id, { db })
      await this.#boss.update(QUEUE, undefined, { id, retryLimit: this.#job.retryLimit + 1, db })
      return true
    })
  }

  async #transaction(work: (db: Db) => Promise<boolean>): Promise<boolean> {
    const transaction = await this.#boss.getDb().beginTransaction?.()
    if (!transaction) throw new Error('pg-boss has no pool of its own')
    try {
      const result = await work(transaction.db)
      await transaction.commit()
      return result
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  }
}

/** Whether the fenced call found the attempt (pg-boss counts, but leaves the count out of its types). */
export function landed(response: CommandResponse): boolean {
  return (response as { affected?: number }).affected === 1
}
