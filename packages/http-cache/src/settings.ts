/** What a cache before one dispatcher may be told, and what holds where it is told nothing. */
import { MAX_FRAME_BYTES, type SharedCache } from '@spillway/cache-client'

export interface HttpCacheOptions {
  readonly cache: SharedCache
  /**
   * Whether requests' own cache directives count (RFC 9111, 5.2.1). They are advice, and whoever follows it lets any
   * client drive the origin; `only-if-cached` always counts. Default: `ignore`.
   */
  readonly clientDirectives?: 'ignore' | 'honour'
  /** How early a fresh entry in use is refreshed: XFetch's beta, more is earlier. Default: 1. 0: never. */
  readonly earlyRefresh?: number
  /**
   * How many GET and HEAD requests that have a scope may be at the origin at once, whether they fill an entry or pass by;
   * up to 1,024 more wait, for 5 s at most, the others fail with an `UpstreamError` (503). Default: 128.
   */
  readonly fills?: number
  /**
   * Request fields that are part of the key, whatever `Vary` says: those that an upstream goes by and does not name.
   * Default: none.
   */
  readonly headers?: readonly string[]
  /**
   * How long an answer is fresh that says nothing of it: this share of the time since its `Last-Modified`, a day at most
   * (RFC 9111, 4.2.2; usual is 0.1). Default: 0, such answers are not stored.
   */
  readonly heuristic?: number
  /** The longest body that is stored, in bytes; what is longer streams past. Default: 1 MiB; at most 1,966,080. */
  readonly maxBodyBytes?: number
  /**
   * Milliseconds that a 404, 405, 410, 414 or 501 is fresh which says nothing of it (RFC 9110, 15.1). One client's odd request
   * may be what brought a 405 or 501 about, and others see it as long. Default: 0, such answers are not stored.
   */
  readonly negativeTtl?: number
  /** From 0 to 1, for early refresh. Default: `Math.random`. */
  readonly random?: () => number
  /**
   * Whether answers with `Set-Cookie` are stored like others. The cookie itself never is: whoever asked the origin gets it,
   * everybody else the answer without it. Default: false, since what comes with a cookie is often for one client.
   */
  readonly storeSetCookie?: boolean
  /**
   * Milliseconds that an answer is fresh which says nothing of it and is no error; before `heuristic`. Default: 0, such
   * answers are not stored.
   */
  readonly ttl?: number
}

/** A frame holds the head, too; undici takes heads of 16 KiB, which as JSON and with tags are within 128. */
export const LONGEST_BODY = MAX_FRAME_BYTES - 131_072

export type Settings = Required<Omit<HttpCacheOptions, 'cache'>>

/** @throws {TypeError} for what cannot be meant */
export function settingsOf(options: Omit<HttpCacheOptions, 'cache'>): Settings {
  const { clientDirectives = 'ignore', earlyRefresh = 1, fills = 128, heuristic = 0, random = Math.random } = options
  const { headers = [], maxBodyBytes = 1_048_576, negativeTtl = 0, storeSetCookie = false, ttl = 0 } = options
  if (clientDirectives !== 'ignore' && clientDirectives !== 'honour') {
    throw new TypeError(`clientDirectives is ${clientDirectives}; it must be ignore or honour`)
  }
  if (!(earlyRefresh >= 0)) throw new TypeError(`earlyRefresh is ${earlyRefresh}; it must be a number from 0 on`)
  if (!Number.isSafeInteger(fills) || fills < 1) {
    throw new TypeError(`fills is ${fills}; it must be a whole number from 1 on`)
  }
  if (!(heuristic >= 0 && heuristic <= 1)) throw new TypeError(`heuristic is ${heuristic}; it must be from 0 to 1`)
  if (!(ttl >= 0 && ttl < Number.POSITIVE_INFINITY)) throw new TypeError(`ttl is ${ttl}; it must be a number from 0 on`)
  const nameless = headers.find((name) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name))
  if (nameless !== undefined)
    throw new TypeError(`headers has ${JSON.stringify(nameless)}; each must be a field's name`)
  const keyed = headers.map((name) => name.toLowerCase())
  if (!(Number.isInteger(maxBodyBytes) && maxBodyBytes >= 0 && maxBodyBytes <= LONGEST_BODY)) {
    throw new TypeError(`maxBodyBytes is ${maxBodyBytes}; it must be a whole number from 0 to ${LONGEST_BODY}`)
  }
  if (!(negativeTtl >= 0 && negativeTtl < Infinity)) {
    throw new TypeError(`negativeTtl is ${negativeTtl}; it must be a number from 0 on`)
  }
  const bounds = { fills, maxBodyBytes, negativeTtl, ttl }
  return { clientDirectives, earlyRefresh, headers: keyed, heuristic, random, storeSetCookie, ...bounds }
}
