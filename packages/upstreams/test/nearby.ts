/** Nearby: an endpoint of our own network while one of them has fewer than `busy` requests in flight, else any. */
import type { Policy } from '../src/policies/policy.ts'
import { draw } from '../src/policies/random.ts'

export function nearby(network: string, busy = 10): Policy {
  return {
    choose(candidates, { random }) {
      let chosen = -1
      let near = 0
      for (const [at, { origin, inFlight }] of candidates.entries()) {
        if (!origin.startsWith(network) || inFlight >= busy) continue
        near++
        // The third takes the place of the one chosen so far in one case of three: all are equally likely.
        if (random() * near < 1) chosen = at
      }
      return chosen >= 0 ? chosen : draw(candidates, random)
    },
  }
}
