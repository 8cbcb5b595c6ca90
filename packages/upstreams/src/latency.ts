/** How slow an endpoint is thought to be: an average of its latencies that a slow answer moves at once and fast ones slowly. */

/** Milliseconds in which what was known loses 63 % of its say (Finagle's and Linkerd's default). */
const DECAY = 10_000
/** Milliseconds an endpoint is taken for while it has a request and nothing is known of it (Linkerd's default). */
const FIRST = 30
/** Milliseconds a failure counts as, at least: what fails at once must not look fast (Linkerd's default). */
const FAILURE = 5000

/**
 * Peak EWMA (Finagle's `PeakEwma`): an answer slower than the estimate is the new estimate; a faster one pulls it down by
 * how long ago the last one was. While nothing is heard it decays towards 0, as Finagle's and Linkerd's does, so that an
 * endpoint that once was slow is tried again: 5 s fall to 30 ms in 51 s. Unlike theirs, reading changes nothing, and a new
 * endpoint counts as 0 ms until it has its first request: among endpoints that answer in 1 ms it would else wait for half
 * a minute.
 *
 * Times are milliseconds on one monotonic clock.
 */
export class PeakEwma {
  #estimate = 0
  /** When that was the estimate. */
  #at = Number.NEGATIVE_INFINITY

  /** Milliseconds, as it stands at `now`. */
  at(now: number): number {
    return this.#estimate * Math.exp(-Math.max(0, now - this.#at) / DECAY)
  }

  /**
   * A request is on its way. Of a new endpoint, or after a long silence, the estimate says nothing: near 0, it would send
   * everything here until the first answer, which may never come. So the one request is all it gets for being unknown.
   */
  sent(now: number): void {
    if (now - this.#at < DECAY) return
    this.#estimate = Math.max(FIRST, this.at(now))
    this.#at = now
  }

  /** Answer headers came after `ms`. */
  answered(now: number, ms: number): void {
    const kept = Math.exp(-Math.max(0, now - this.#at) / DECAY)
    this.#estimate = ms > this.#estimate ? ms : this.#estimate * kept + ms * (1 - kept)
    this.#at = Math.max(this.#at, now)
  }

  /** The request failed after `ms`, with an answer or without. */
  failed(now: number, ms: number): void {
    this.answered(now, Math.max(ms, FAILURE))
  }
}
