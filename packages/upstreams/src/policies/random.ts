/** Random: each endpoint as likely as its weight says, whatever came before. */
import { type Candidate, type Policy, totalWeight } from './policy.ts'

export function random(): Policy {
  return {
    choose(candidates, { random }) {
      return draw(candidates, random)
    },
  }
}

/**
 * An index other than `except`, each as likely as its candidate's weight; there is at least one such candidate.
 * @param total `totalWeight` of them all, where the caller has it already
 */
export function draw(
  candidates: readonly Candidate[],
  random: () => number,
  except = -1,
  total = totalWeight(candidates),
): number {
  let left = random() * (total - (candidates[except]?.weight ?? 0))
  let drawn = -1
  for (let at = 0; at < candidates.length && left >= 0; at++) {
    if (at === except) continue
    drawn = at
    left -= candidates[at]?.weight ?? 0
  }
  return drawn
}
