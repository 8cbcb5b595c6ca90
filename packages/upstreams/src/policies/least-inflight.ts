/** Least in flight: the endpoint with the fewest of our requests under way, for its weight. */
import type { Candidate, Policy } from './policy.ts'

/** Ties are drawn by weight: by position, an idle cluster would send everything to its first endpoint. */
export function leastInflight(): Policy {
  return {
    choose(candidates, { random }) {
      let chosen = 0
      let fewest = Number.POSITIVE_INFINITY
      let tied = 0
      for (let at = 0; at < candidates.length; at++) {
        const { inFlight, weight } = candidates[at] as Candidate
        const load = inFlight / weight
        if (load > fewest) continue
        tied = load < fewest ? weight : tied + weight
        // Keeping each with its share of the weight so far draws among all that tie, in one pass.
        if (load < fewest || random() * tied < weight) chosen = at
        fewest = load
      }
      return chosen
    },
  }
}
