/** A sum over the last ten seconds, for success rates, latencies and retry budgets. */

const SECONDS = 10

/** Ten buckets of a second each: what is older than 9 to 10 s is forgotten. Times are milliseconds, never decreasing. */
export class RollingSum {
  readonly #buckets = new Float64Array(SECONDS)
  #second = 0

  add(now: number, amount = 1): void {
    this.#forget(now)
    const at = this.#second % SECONDS
    this.#buckets[at] = (this.#buckets[at] ?? 0) + amount
  }

  total(now: number): number {
    this.#forget(now)
    let total = 0
    for (const amount of this.#buckets) total += amount
    return total
  }

  clear(): void {
    this.#buckets.fill(0)
  }

  #forget(now: number): void {
    const second = Math.floor(now / 1000)
    const from = Math.max(this.#second + 1, second - SECONDS + 1)
    for (let passed = from; passed <= second; passed++) this.#buckets[passed % SECONDS] = 0
    this.#second = Math.max(this.#second, second)
  }
}
