/** How loaded endpoints lately were, for `prequal`: what counts as hot. */

/** How many loads are remembered. */
const RECENT = 64

export class RecentLoads {
  readonly #loads = new Float64Array(RECENT).fill(Number.POSITIVE_INFINITY)
  readonly #sorted = new Float64Array(RECENT)
  #seen = 0

  add(load: number): void {
    this.#loads[this.#seen++ % RECENT] = load
  }

  /** The load that `share` (0 to 1) of them do not exceed; there must be one at least. */
  quantile(share: number): number {
    this.#sorted.set(this.#loads)
    this.#sorted.sort()
    return this.#sorted[Math.floor(share * (Math.min(this.#seen, RECENT) - 1))] as number
  }
}
