/** What the layers around one dispatch share: the only field that travels with a request beside undici's own options. */
import type { Dispatcher } from 'undici'

/** Why a hop failed: the types of RFC 9209, section 2.3, that we can give. */
export type ProxyErrorType =
  | 'destination_unavailable'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'connection_read_timeout'
  | 'connection_write_timeout'
  | 'connection_limit_reached'
  | 'destination_ip_prohibited'
  | 'dns_error'
  | 'dns_timeout'
  | 'tls_protocol_error'
  | 'tls_certificate_error'
  | 'http_request_error'
  | 'http_response_incomplete'
  | 'http_response_timeout'
  | 'http_protocol_error'
  | 'http_upgrade_failed'
  | 'proxy_internal_error'

export interface Exchange {
  /**
   * In: when the caller stops waiting for the answer to begin, on `performance.now()`'s clock. No layer works on after it;
   * an answer that has begun may take its time.
   */
  deadlineAt?: number
  /** In: tags of what an unsafe request changes beside its own URL; a cache purges them with that. */
  changes?: readonly string[]
  /** In: what `hash` selection hashes. */
  hashKey?: string
  /** In: for whom a cached answer may be reused: `public`, `role:["editor"]`, `user:alice`. Absent: the cache is passed by. */
  scope?: string
  /**
   * In: this hop's own address, where it is known, such as `127.0.0.1:5000`. A client that calls us by it names no site:
   * it may share cached answers with clients of other hops.
   */
  calledAt?: string
  /** In and out: ids of the endpoints that had this request already; retrying fills it, selection avoids them. */
  tried: string[]
  /** Out: the origin of the endpoint that took the request last. */
  endpoint?: string
  /** Out: where the time went, in milliseconds, as entries of `Server-Timing`. */
  timings: { name: string; ms: number; description?: string }[]
  /** Out: why the last attempt failed; `forward` makes the status and `Proxy-Status` of it. */
  error?: ProxyErrorType
  /** Out: this hop's member of `Cache-Status` (RFC 9211), such as `hit; ttl=29` or `fwd=uri-miss; stored`; without the cache's name. */
  cacheStatus?: string
  /** Out: the whole member of a cache behind this hop's, where the answer came out of that, such as `cache; hit; ttl=29`. */
  cacheStatusBehind?: string
}

/** Dispatch options as our layers pass them on. Foreign dispatchers ignore the field. */
export type ExchangeOptions = Dispatcher.DispatchOptions & { exchange?: Exchange }

/** A new exchange, with what is known about it. */
export function createExchange(known: Partial<Exchange> = {}): Exchange {
  return { tried: [], timings: [], ...known }
}

/** The exchange a dispatch carries, if whoever started it gave one. */
export function exchangeOf(options: Dispatcher.DispatchOptions): Exchange | undefined {
  return (options as ExchangeOptions).exchange
}
