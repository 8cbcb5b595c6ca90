/** What OpenTelemetry's HTTP metric conventions fix for servers and clients alike. */

/** Seconds. The advised boundaries, with 0.5 ms to 2.5 ms added in front: a cache hit is over before their first. */
export const BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])

/** Unknown methods are `_OTHER`: a client must not be able to make series. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : '_OTHER'
}
