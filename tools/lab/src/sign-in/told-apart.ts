/** Whether two kinds of answers can be told apart by how long they take: what pairs of them, taken one after the other, say. */
import { type Middle, middleOf } from '../measuring/spread.ts'

/** The middle of all pairs: milliseconds by which the one takes longer than the other. */
export interface ToldApart extends Middle {
  /** Of the pairs in which the one took longer: 0.5 where there is nothing to tell. */
  readonly longer: number
  /** Whether it is further from 0.5 than chance brings it once in 10,000 runs. */
  readonly isApart: boolean
}

const ONCE_IN_10_000 = 3.89

/** @param differences milliseconds, one for each pair; at least 20 */
export function toldApart(differences: readonly number[]): ToldApart {
  const count = differences.length
  // Equal times speak for neither.
  const longer = differences.reduce((sum, each) => sum + (each > 0 ? 1 : each === 0 ? 0.5 : 0), 0) / count
  return {
    ...middleOf(differences),
    longer,
    isApart: Math.abs(longer - 0.5) > (ONCE_IN_10_000 * 0.5) / Math.sqrt(count),
  }
}
