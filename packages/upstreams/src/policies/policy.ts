/** What a policy decides by, and what it is: a synchronous choice among the endpoints that may be chosen. */

/**
 * What a policy may look at in an endpoint. It is the same object for as long as the endpoint is known: policies keep
 * what they remember of an endpoint by that object, and forget it when the endpoint is forgotten.
 */
export interface Candidate {
  /** Such as `http://10.0.0.7:5000`; no two candidates share one. */
  readonly origin: string
  /** Above 0 and finite; slow start counted in. Only its ratio to the others' weights matters. */
  readonly weight: number
  /** Requests sent by this process and not yet answered to their end. */
  readonly inFlight: number
  /** Peak EWMA of milliseconds to the answer's headers, failures counted as slow, as it stands at `now` (`PeakEwma`). */
  latency(now: number): number
  /** What the endpoint last said of itself in `x-load`; undefined if it never did. */
  readonly said: Said | undefined
}

/** An endpoint's own word about its load, of all who send to it. */
export interface Said {
  /** Requests in flight there. */
  readonly inFlight: number
  /** Its own median milliseconds to an answer with about that many in flight. */
  readonly latencyMs: number
  /** When it was heard: milliseconds on the clock of `now`. */
  readonly at: number
}

/** The sum that shares are measured by. */
export function totalWeight(candidates: readonly Candidate[]): number {
  let total = 0
  for (let at = 0; at < candidates.length; at++) total += candidates[at]?.weight ?? 0
  return total
}

/** What a policy decides by, besides the candidates. */
export interface Circumstances {
  /** Milliseconds, monotonic. */
  readonly now: number
  /** At least 0 and below 1, as `Math.random`. */
  readonly random: () => number
  /** What `hash` keeps together: requests with the same key go to the same endpoint. */
  readonly hashKey: string | undefined
}

/** One for each cluster: what it remembers is about that cluster's endpoints. */
export interface Policy {
  /**
   * Chooses one of the candidates, of which there is at least one, by its index. Neither logs, waits nor throws. The
   * candidates may be others each time. The caller sends the request, so that the chosen one's `inFlight` is higher at
   * the next choice.
   */
  choose(candidates: readonly Candidate[], circumstances: Circumstances): number
}
