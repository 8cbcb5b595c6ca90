/** Whether two kinds of answers can be told apart by how long they take: what pairs of them, taken one after the other, say. */

export interface ToldApart {
  /** Milliseconds by which the one takes longer than the other, in the middle of all pairs. */
  readonly median: number
  /** Where the true one lies in 95 of 100 such runs, whatever the distribution: by the ranks of the sign test. */
  readonly between: readonly [number, number]
  /** Of the pairs in which the one took longer: 0.5 where there is nothing to tell. */
  readonly longer: number
  /** Whether it is further from 0.5 than chance brings it once in 10,000 runs. */
  readonly isApart: boolean
}

const IN_95 = 1.96
const ONCE_IN_10_000 = 3.89

/** @param differences milliseconds, one for each pair; at least 20 */
export function toldApart(differences: readonly number[]): ToldApart {
  const sorted = [...differences].sort((a, b) => a - b)
  const count = sorted.length
  const at = (rank: number) => sorted[Math.min(count - 1, Math.max(0, Math.round(rank)))] as number
  const half = (IN_95 * Math.sqrt(count)) / 2
  // Equal times speak for neither.
  const longer = sorted.reduce((sum, each) => sum + (each > 0 ? 1 : each === 0 ? 0.5 : 0), 0) / count
  return {
    median: at((count - 1) / 2),
    between: [at((count - 1) / 2 - half), at((count - 1) / 2 + half)],
    longer,
    isApart: Math.abs(longer - 0.5) > (ONCE_IN_10_000 * 0.5) / Math.sqrt(count),
  }
}
