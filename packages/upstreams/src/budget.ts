/** What may be retried at all: a share of the traffic, so that retrying never multiplies an overload (Finagle's RetryBudget). */
import { RollingSum } from './rolling-sum.ts'

const SHARE = 0.2
/** 10 a second over the 10 s that are looked at: what a quiet client may still retry. */
const RESERVE = 100

export class Budget {
  readonly #requests = new RollingSum()
  readonly #retries = new RollingSum()

  request(now: number): void {
    this.#requests.add(now)
  }

  /** Retries that may be had now. */
  left(now: number): number {
    return Math.max(0, Math.ceil(this.#requests.total(now) * SHARE + RESERVE - this.#retries.total(now)))
  }

  /** Takes one retry out of the budget; false if there is none left. */
  spend(now: number): boolean {
    if (this.left(now) === 0) return false
    this.#retries.add(now)
    return true
  }
}
