/** The connections to one endpoint: where they go, whose certificate they ask for, how long they are kept. */
import { isIP, type LookupFunction } from 'node:net'
import { Pool } from 'undici'
import { hostOf, type Place } from './discovery.ts'
import { limits } from './limits.ts'

/** The pool is the name's, so that it is what `Host` and the certificate are about; only its lookups are answered here. */
export function openPool({ named, address }: Place): Pool {
  return new Pool(named, {
    // As many connections as it needs: the cluster's queue is the only one, and a bound here would make a second.
    pipelining: 1,
    // Over HTTP/2, upgrades, trailers and 1xx take other ways through undici.
    allowH2: false,
    connect: { timeout: limits.connect, ...(address === undefined ? {} : { lookup: always(address) }) },
    keepAliveTimeout: limits.keepAlive,
    keepAliveTimeoutThreshold: limits.keepAliveMargin,
    // undici's own limits know neither the request's end nor the answer's media type; ours do (see attempt.ts).
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

/** Whom the certificate of an https place must be for; undefined where there is none, or no name (RFC 6066, 3). */
export function servername({ named }: Place): string | undefined {
  const host = hostOf(named)
  return new URL(named).protocol === 'https:' && isIP(host) === 0 ? host : undefined
}

function always(address: string): LookupFunction {
  const family = isIP(address)
  return (_name, { all }, done) => (all ? done(null, [{ address, family }]) : done(null, address, family))
}
