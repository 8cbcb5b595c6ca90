/** How slow an endpoint is thought to be: an average of its latencies that a slow answer moves at once and fast ones slowly. */

/** Milliseconds in which what was known loses 63 % of its say (Finagle's and Linkerd's default). */
const DECAY = 10_000
/** Milliseconds an endpoint is taken for while it has a request and nothing is known of it (Linkerd's default). */
const FIRST = 30
/** Milliseconds a failure counts as, at least: what fails at once must not look fast (Linkerd's default). */
const FAILURE = 5000
/** Milliseconds of silence that are believed: no answer takes longer to begin (`forward`), so who still waits is not to tell. */
const SILENCE = 15_000

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
  /** When the first request was sent that came after the last answer. */
  #askedAt = Number.POSITIVE_INFINITY

  /**
   * Milliseconds, as it stands at `now`. While a request is on its way, that is at least how long nothing came: an answer
   * that is late tells nothing until it is there, and meanwhile the estimate would fall.
   * @param waiting whether any is on its way
   */
  at(now: number, waiting = false): number {
    const known = this.#estimate * Math.exp(-Math.max(0, now - this.#at) / DECAY)
    const silence = now - this.#askedAt
    return waiting && silence > known && silence < SILENCE ? silence : known
  }

  /**
   * A request is on its way. Of a new endpoint, or after a long silence, the estimate says nothing: near 0, it would send
   * everything here until the first answer, which may never come. So the one request is all it gets for being unknown.
   * @param alone whether no other is: what was asked before was answered, or is not wanted any more
   */
  sent(now: number, alone = false): void {
    if (alone || now < this.#askedAt) this.#askedAt = now
    if (now - this.#at < DECAY) return
    this.#estimate = Math.max(FIRST, this.at(now))
    this.#at = now
  }

  /** Answer headers came after `ms`. */
  answered(now: number, ms: number): void {
    const kept = Math.exp(-Math.max(0, now - this.#at) / DECAY)
    this.#estimate = ms > this.#estimate ? ms : this.#estimate * kept + ms * (1 - kept)
    this.#at = Math.max(this.#at, now)
    this.#askedAt = Number.POSITIVE_INFINITY
  }

  /** The request failed after `ms`, with an answer or without. */
  failed(now: number, ms: number): void {
    this.answered(now, Math.max(ms, FAILURE))
  }
}
