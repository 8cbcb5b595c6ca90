/** Least latency: always the endpoint that was fastest when last looked at. It herds; it is here to show that. */
import type { Candidate, Policy } from './policy.ts'

export interface LeastLatencyOptions {
  /** Milliseconds between two looks at the latencies. Default: 3,000. */
  readonly refresh?: number
}

/**
 * Between two looks everything goes to one endpoint, which gets slow by it, which is seen at the next look only: the
 * load swings from one to another. It is how a balancer over a table of measurements that is refreshed now and then works.
 */
export function leastLatency({ refresh = 3000 }: LeastLatencyOptions = {}): Policy {
  let fastest: Candidate | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  return {
    choose(candidates, { now }) {
      const known = fastest ? candidates.indexOf(fastest) : -1
      if (known >= 0 && now - lookedAt < refresh) return known
      let chosen = 0
      let least = Number.POSITIVE_INFINITY
      for (let at = 0; at < candidates.length; at++) {
        const candidate = candidates[at] as Candidate
        const latency = candidate.latency(now) / candidate.weight
        if (latency >= least) continue
        chosen = at
        least = latency
      }
      fastest = candidates[chosen]
      lookedAt = now
      return chosen
    },
  }
}
