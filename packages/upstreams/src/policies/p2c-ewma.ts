/** Power of two choices: of two endpoints drawn by weight, the one whose next answer should come first. */
import { type Candidate, type Policy, totalWeight } from './policy.ts'
import { draw } from './random.ts'

/**
 * The cost is Finagle's and Linkerd's, for the weight: peak EWMA of latency x (requests in flight + 1). Two draws keep
 * balancers that know the same from choosing the same, and are nearly as good as comparing all (Mitzenmacher 2001).
 */
export function p2cEwma(): Policy {
  return {
    choose(candidates, { now, random }) {
      if (candidates.length === 1) return 0
      const total = totalWeight(candidates)
      const first = draw(candidates, random, -1, total)
      const second = draw(candidates, random, first, total)
      return cost(candidates[second] as Candidate, now) < cost(candidates[first] as Candidate, now) ? second : first
    },
  }
}

function cost(candidate: Candidate, now: number): number {
  return (candidate.latency(now) * (candidate.inFlight + 1)) / candidate.weight
}
