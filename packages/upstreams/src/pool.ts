/** The connections to one endpoint: where they go, whose certificate they ask for, how long they are kept. */
import { isIP, type LookupFunction } from 'node:net'
import { Client, Pool } from 'undici'
import { hostOf, type Place } from './discovery.ts'
import { limits } from './limits.ts'

/** The pool is the name's, so that it is what `Host` and the certificate are about; only its lookups are answered here. */
export function openPool(place: Place): Pool {
  return new Pool(place.named, {
    ...connectionTo(place),
    // The cluster's bound is the only queue: a pool of fewer connections would make a second one behind it.
    connections: limits.clusterRequests,
    keepAliveTimeout: limits.keepAlive,
    keepAliveTimeoutThreshold: limits.keepAliveMargin,
  })
}

/** One connection apart from the pool's, to a port of its own where one is given. */
export function openClient(place: Place, port: number | undefined): Client {
  const url = new URL(place.named)
  if (port !== undefined) url.port = String(port)
  return new Client(url.origin, connectionTo(place))
}

function connectionTo({ address }: Place) {
  return {
    pipelining: 1,
    // Over HTTP/2, upgrades, trailers and 1xx take other ways through undici.
    allowH2: false,
    connect: { timeout: limits.connect, ...(address === undefined ? {} : { lookup: always(address) }) },
    // undici's own limits know neither the request's end nor the answer's media type; ours do (see attempt.ts).
    headersTimeout: 0,
    bodyTimeout: 0,
  }
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
