/** Consistent hashing: requests with the same key go to the same endpoint, unless it has more than its part to do. */
import { type Candidate, type Policy, totalWeight } from './policy.ts'
import { draw } from './random.ts'

export interface HashOptions {
  /** How many times its share of all requests in flight an endpoint may have, at least 1. Default: 1.5. */
  readonly bound?: number
}

/**
 * Rendezvous hashing (Thaler and Ravishankar 1996), by weight: each endpoint has a score for the key, and the highest
 * gets it. An endpoint that leaves moves its own keys only, evenly over the others; a ring needs hundreds of points an
 * endpoint to come near that and has to be built anew, jump hashing can only lose its last. Its price, a score for each
 * candidate, is what counting their requests costs anyway.
 *
 * Bounded loads (Mirrokni, Thorup and Zadimoghaddam 2016): of all in flight and this request, none takes more than
 * `bound` times its share, rounded up; what is over it goes to the key's next highest. Without a key: drawn by weight.
 */
export function hash({ bound = 1.5 }: HashOptions = {}): Policy {
  if (!(bound >= 1))
    throw new TypeError(`bound is ${bound}; it must be at least 1, or nobody could take the last request`)
  /** Of the last choice's candidates, by their place. */
  const seen: Candidate[] = []
  const seeds: number[] = []

  function seedOf(candidate: Candidate, at: number): number {
    if (seen[at] !== candidate) {
      seen[at] = candidate
      seeds[at] = digest(candidate.origin)
    }
    return seeds[at] as number
  }

  return {
    choose(candidates, { random, hashKey }) {
      if (hashKey === undefined) return draw(candidates, random)
      const most = (bound * (totalInFlight(candidates) + 1)) / totalWeight(candidates)
      const key = digest(hashKey)
      seen.length = Math.min(seen.length, candidates.length)
      let chosen = 0
      let highest = 0
      for (let at = 0; at < candidates.length; at++) {
        const candidate = candidates[at] as Candidate
        if (candidate.inFlight >= Math.ceil(most * candidate.weight)) continue
        // -weight / ln(u) wins with probability weight / sum of weights, for u uniform between 0 and 1.
        const u = (mixed(key ^ seedOf(candidate, at)) + 0.5) / 2 ** 32
        // Most are beaten by the highest so far even with the bound ln(u) <= u - 1, which costs no logarithm.
        if ((1 - u) * highest >= candidate.weight) continue
        const score = -candidate.weight / Math.log(u)
        if (score <= highest) continue
        chosen = at
        highest = score
      }
      return chosen
    },
  }
}

function totalInFlight(candidates: readonly Candidate[]): number {
  let total = 0
  for (let at = 0; at < candidates.length; at++) total += candidates[at]?.inFlight ?? 0
  return total
}

/** FNV-1a over UTF-16 units, 32 bits. */
function digest(text: string): number {
  let hashed = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hashed = Math.imul(hashed ^ text.charCodeAt(at), 0x01000193)
  return mixed(hashed)
}

/** MurmurHash3's finaliser: each bit of the input changes about half of the output's. */
function mixed(bits: number): number {
  let h = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
