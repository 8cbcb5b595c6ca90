/** What one load saw, answer by answer, for the driver that has no summary of its own. */

import { percentile } from '../measuring/spread.ts'
import type { DriverSecond } from '../plan.ts'
import type { Load } from '../run.ts'
import { type CacheOutcome, cacheOutcome } from './cache-status.ts'
import type { Question } from './questions.ts'

export interface Answer {
  status: number
  body: string
  cacheStatus: string | undefined
  servedBy: string | undefined
  /** From asking to the answer's end. */
  ms: number
}

export class Tally {
  readonly #statuses: Record<string, number> = {}
  readonly #cache: Load['cache'] = { hit: 0, miss: 0, collapsed: 0, none: 0 }
  /** Every answer's milliseconds: percentiles are exact. */
  #times = new Float64Array(65_536)
  #answers = 0
  #responding = 0
  #requests = 0
  #failures = 0
  #wrongBodies = 0
  #before = { requests: 0, failures: 0, responding: 0 }

  answered({ begins, ends }: Question, { status, body, cacheStatus, servedBy, ms }: Answer): void {
    const good = status >= 200 && status < 300
    if (good && !(body.startsWith(begins) && body.endsWith(ends))) this.#wrongBodies++
    this.#count(String(status), ms, good ? cacheOutcome(cacheStatus, servedBy) : 'none', good)
    if (this.#answers === this.#times.length) {
      const longer = new Float64Array(2 * this.#answers)
      longer.set(this.#times)
      this.#times = longer
    }
    this.#times[this.#answers++] = ms
  }

  /** A request without a whole answer, by its error, such as `ECONNRESET`. */
  unanswered(error: string, ms: number): void {
    this.#count(error, ms, 'none', false)
  }

  #count(status: string, ms: number, outcome: CacheOutcome, good: boolean): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    this.#cache[outcome]++
    this.#requests++
    if (!good) this.#failures++
    this.#responding += ms / 1000
  }

  /** Since it was last asked. */
  second(second: number): DriverSecond {
    const now = { requests: this.#requests, failures: this.#failures, responding: this.#responding }
    const { requests, failures, responding } = this.#before
    this.#before = now
    const count = now.requests - requests
    const average = count > 0 ? ((now.responding - responding) * 1000) / count : 0
    return { second, requests: count, failures: now.failures - failures, average }
  }

  whole(): Pick<Load, 'requests' | 'statuses' | 'latency' | 'cache' | 'wrongBodies' | 'responding'> {
    const times = this.#times.subarray(0, this.#answers).sort()
    const at = (share: number) => percentile(times, share)
    const sum = times.reduce((total, ms) => total + ms, 0)
    return {
      requests: this.#requests,
      statuses: this.#statuses,
      latency: {
        average: times.length > 0 ? sum / times.length : 0,
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        max: at(1),
      },
      cache: this.#cache,
      wrongBodies: this.#wrongBodies,
      responding: this.#responding,
    }
  }
}
