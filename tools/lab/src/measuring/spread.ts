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

/** The smallest value that `share` of all do not exceed; 0 where there is none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}
