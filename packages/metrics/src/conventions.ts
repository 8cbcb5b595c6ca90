/** What OpenTelemetry's HTTP metric conventions fix for servers and clients alike. */

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])

/** Unknown methods are `_OTHER`: a client must not be able to make series. */
export function methodLabel(method: string): string {
  return METHODS.has(method) ? method : '_OTHER'
}
