/** What a cache before one dispatcher may be told, and what holds where it is told nothing. */
import type { SharedCache } from '@spillway/cache-client'

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
   * How long an answer is fresh that says nothing of it: this share of the time since its `Last-Modified`, a day at most
   * (RFC 9111, 4.2.2; usual is 0.1). Default: 0, such answers are not stored.
   */
  readonly heuristic?: number
  /** From 0 to 1, for early refresh. Default: `Math.random`. */
  readonly random?: () => number
}

export type Settings = Required<Omit<HttpCacheOptions, 'cache'>>

/** @throws {TypeError} for what cannot be meant */
export function settingsOf(options: Omit<HttpCacheOptions, 'cache'>): Settings {
  const { clientDirectives = 'ignore', earlyRefresh = 1, heuristic = 0, random = Math.random } = options
  if (clientDirectives !== 'ignore' && clientDirectives !== 'honour') {
    throw new TypeError(`clientDirectives is ${clientDirectives}; it must be ignore or honour`)
  }
  if (!(earlyRefresh >= 0)) throw new TypeError(`earlyRefresh is ${earlyRefresh}; it must be a number from 0 on`)
  if (!(heuristic >= 0 && heuristic <= 1)) throw new TypeError(`heuristic is ${heuristic}; it must be from 0 to 1`)
  return { clientDirectives, earlyRefresh, heuristic, random }
}
