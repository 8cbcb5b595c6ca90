/** Nearby: an endpoint of our own network while one of them has fewer than ten requests in flight, else any. */
import type { Policy } from '../src/index.ts'

const NETWORK = 'http://10.'
const BUSY = 10

export default function nearby(): Policy {
  return {
    choose(candidates, { random }) {
      let chosen = -1
      let near = 0
      for (const [at, { origin, inFlight }] of candidates.entries()) {
        if (!origin.startsWith(NETWORK) || inFlight >= BUSY) continue
        near++
        // The third takes the place of the one chosen so far in one case of three: all are equally likely.
        if (random() * near < 1) chosen = at
      }
      return chosen >= 0 ? chosen : Math.floor(random() * candidates.length)
    },
  }
}
