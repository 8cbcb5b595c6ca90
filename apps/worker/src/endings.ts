/** Tells those who wait when their jobs have ended: one query for all of them, and none while nobody waits. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Statement } from '@spillway/postgres'
import type { Caller } from '@spillway/service'
import { QUEUE } from './queue.ts'

const LOOK_EVERY_MS = 100
const WAITERS = 1_024

/** pg-boss's own API reads one job a query. Its states are in the order of a job's life. */
const ENDED: Statement = {
  name: 'jobs_ended',
  text: `SELECT id FROM pgboss.job WHERE name = '${QUEUE}' AND id = ANY($1::uuid[]) AND state > 'active'`,
}

export class Endings {
  readonly #database: Pick<Database, 'query'>
  readonly #ending: AbortSignal
  readonly #waiting = new Map<string, Set<() => void>>()
  #count = 0
  #looking = false

  /** @param ending aborts when nobody may wait any more */
  constructor(database: Pick<Database, 'query'>, ending: AbortSignal) {
    this.#database = database
    this.#ending = ending
    ending.addEventListener('abort', () => this.#release(this.#waiting.keys()), { once: true })
  }

  /**
   * Resolves when the job has ended, `ms` are over, or `signal` aborts.
   * @returns false where it did not wait at all, since too many do
   */
  async wait(id: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#count >= WAITERS || this.#ending.aborted) return false
    if (signal.aborted) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => resolve(), { once: true })
    this.#waiting.set(id, (this.#waiting.get(id) ?? new Set()).add(resolve))
    this.#count++
    void this.#look()
    await promise
    clearTimeout(timer)
    this.#count--
    this.#forget(id, resolve)
    return true
  }

  #forget(id: string, resolve: () => void): void {
    const waiters = this.#waiting.get(id)
    waiters?.delete(resolve)
    if (waiters?.size === 0) this.#waiting.delete(id)
  }

  #release(ids: Iterable<string>): void {
    for (const id of ids) for (const resolve of this.#waiting.get(id) ?? []) resolve()
  }

  async #look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    while (this.#waiting.size > 0 && !this.#ending.aborted) {
      try {
        const ended = await this.#database.query<{ id: string }>(ENDED, [[...this.#waiting.keys()]], NOBODY)
        this.#release(ended.map(({ id }) => id))
      } catch {
        // PostgreSQL is away, which those who wait will be told when their time is over.
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#ending }).catch(() => {})
    }
    this.#looking = false
  }
}

/** The query is for many, so no single caller's patience counts. */
const NOBODY: Caller = { signal: new AbortController().signal, deadlineAt: Number.POSITIVE_INFINITY }
