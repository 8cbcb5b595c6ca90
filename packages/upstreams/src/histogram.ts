/** How long things took, as a count for each of a few buckets: cheap enough for every request, and it only grows. */

/** Milliseconds; each bucket holds what took no longer and fits in none before it. */
const BOUNDS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]

export class Histogram {
  readonly boundsMs: readonly number[] = BOUNDS
  /** One more than there are bounds: the last is of what took longer than all of them. */
  readonly counts = BOUNDS.map(() => 0).concat(0)
  sumMs = 0

  add(ms: number): void {
    let at = 0
    while (ms > (BOUNDS[at] ?? Number.POSITIVE_INFINITY)) at++
    this.counts[at] = (this.counts[at] ?? 0) + 1
    this.sumMs += ms
  }
}
