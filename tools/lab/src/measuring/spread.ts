/** What several rounds said together: the one in the middle, and how far they lay apart. */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** NaN where there is no value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [below, above] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  if (below === undefined || above === undefined) return { median: Number.NaN, min: Number.NaN, max: Number.NaN }
  return { median: (below + above) / 2, min: sorted[0] as number, max: sorted.at(-1) as number }
}

export interface Middle {
  readonly median: number
  /** Where the true one lies in 95 of 100 such runs, whatever the distribution: by the ranks of the sign test. */
  readonly between: readonly [number, number]
}

const IN_95 = 1.96

/** For many values, at least 20: of fewer, `between` is all of them. NaN where there is none. */
export function middleOf(values: readonly number[]): Middle {
  const sorted = [...values].sort((a, b) => a - b)
  const last = sorted.length - 1
  const at = (rank: number) => sorted[Math.min(last, Math.max(0, Math.round(rank)))] ?? Number.NaN
  const half = (IN_95 * Math.sqrt(sorted.length)) / 2
  return { median: at(last / 2), between: [at(last / 2 - half), at(last / 2 + half)] }
}

/** The smallest value that `share` of all do not exceed; 0 where there is none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
