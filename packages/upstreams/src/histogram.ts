/** How long things took, as a count for each of many buckets: cheap enough for every request, and it only grows. */

/** Milliseconds; each bucket holds what took no longer and fits in none before it. */
const COARSE = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]
/** Each coarse bucket in so many, a quarter wider each: quantiles out of them are right to an eighth. */
const SPLIT = 4
const FINE = COARSE.flatMap((upper, at) => {
  const lower = COARSE[at - 1]
  const step = (part: number) =>
    lower === undefined ? (upper * part) / SPLIT : lower * (upper / lower) ** (part / SPLIT)
  return [step(1), step(2), step(3), upper]
})

/** Buckets, and what lies in each; there is one more count than bounds, of what is beyond them all. */
export interface Buckets {
  readonly boundsMs: readonly number[]
  readonly counts: readonly number[]
}

export class Histogram implements Buckets {
  readonly boundsMs: readonly number[] = FINE
  readonly counts = FINE.map(() => 0).concat(0)
  sumMs = 0

  add(ms: number): void {
    let [from, to] = [0, FINE.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (ms > (FINE[middle] as number)) from = middle + 1
      else to = middle
    }
    this.counts[from] = (this.counts[from] ?? 0) + 1
    this.sumMs += ms
  }

  /** The same in fewer buckets: for series that somebody keeps. */
  get coarse(): Buckets {
    const counts = COARSE.map(() => 0).concat(0)
    for (const [at, count] of this.counts.entries()) {
      const into = Math.floor(at / SPLIT)
      counts[into] = (counts[into] ?? 0) + count
    }
    return { boundsMs: COARSE, counts }
  }
}
