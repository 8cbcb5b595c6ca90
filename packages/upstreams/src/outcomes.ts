/** What became of an endpoint's requests: totals for operators, and the last ten seconds by which it is judged. */
import { charge } from './ejection.ts'
import { RollingSum } from './rolling-sum.ts'

/** Times are milliseconds, never decreasing. */
export class Outcomes {
  /** Answered or failed. */
  requests = 0
  failures = 0
  #failuresInARow = 0
  readonly #recentRequests = new RollingSum()
  readonly #recentFailures = new RollingSum()
  readonly #recentAnswers = new RollingSum()
  readonly #recentLatency = new RollingSum()

  answered(now: number, ms: number, failed: boolean): void {
    this.#ended(now)
    this.#recentAnswers.add(now)
    this.#recentLatency.add(now, ms)
    if (failed) this.#failed(now)
    else this.#failuresInARow = 0
  }

  /** @param counted whether it was answered before it broke off */
  broke(now: number, counted: boolean): void {
    if (!counted) this.#ended(now)
    this.#failed(now)
  }

  /** Why they speak for ejecting it, or undefined. */
  charge(now: number): string | undefined {
    return charge(this.#failuresInARow, this.#recentRequests.total(now), this.#recentFailures.total(now))
  }

  /** What was held against it has been paid for. */
  forgive(): void {
    this.#failuresInARow = 0
    this.#recentRequests.clear()
    this.#recentFailures.clear()
  }

  /** Mean milliseconds to the answer's headers; undefined without answers. */
  latency(now: number): number | undefined {
    const answers = this.#recentAnswers.total(now)
    return answers === 0 ? undefined : this.#recentLatency.total(now) / answers
  }

  #ended(now: number): void {
    this.requests++
    this.#recentRequests.add(now)
  }

  #failed(now: number): void {
    this.failures++
    this.#failuresInARow++
    this.#recentFailures.add(now)
  }
}
