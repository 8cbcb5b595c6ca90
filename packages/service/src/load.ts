/** How loaded a server is, as it tells its callers on every answer in `x-load`. */

const KEPT = 64
/** Sorting 64 numbers and writing one out costs a few microseconds, so not for each answer. */
const LOOK_EVERY = 16

/** Requests in flight now, and the median latency of the last 64 answers. */
export class Load {
  inFlight = 0
  readonly #recent = new Float64Array(KEPT)
  /** The same in order. Kept, since making one costs more than sorting it. */
  readonly #sorted = new Float64Array(KEPT)
  #count = 0
  /** Of those, how many came since the median was taken. */
  #unseen = 0
  #median = 0
  #latency = '0.00'

  /** Counts one answered request that took `ms`. */
  record(ms: number): void {
    this.#recent[this.#count++ % KEPT] = ms
    this.#unseen++
  }

  /** Milliseconds; 0 before the first answer. At most 15 answers behind. */
  get medianLatency(): number {
    this.#look()
    return this.#median
  }

  /** A structured-field dictionary (RFC 9651): `inflight=3, latency=1.25` (milliseconds). */
  get header(): string {
    this.#look()
    return `inflight=${this.inFlight}, latency=${this.#latency}`
  }

  #look(): void {
    if (this.#unseen === 0 || (this.#unseen < LOOK_EVERY && this.#count >= LOOK_EVERY)) return
    const known = Math.min(this.#count, KEPT)
    this.#sorted.set(this.#recent)
    // What is not known yet is 0 and sorts before all that is.
    this.#sorted.sort()
    this.#median = this.#sorted[KEPT - known + (known >> 1)] ?? 0
    this.#latency = this.#median.toFixed(2)
    this.#unseen = 0
  }
}
