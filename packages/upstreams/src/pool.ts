/** The connections to one endpoint: where they go, whose certificate they ask for, how long they are kept. */
import { isIP, type LookupFunction } from 'node:net'
import { type buildConnector, Client, Pool } from 'undici'
import { connector } from './connector.ts'
import type { Destinations } from './destinations.ts'
import type { Place } from './discovery.ts'
import { limits } from './limits.ts'
import type { Secured } from './tls.ts'

/** How connections are made, whatever the endpoint. */
export interface Way {
  readonly secured: Secured
  readonly allowed: Destinations
}

/**
 * The pool is the name's, so that it is what `Host` and the certificate are about; only its lookups are answered here.
 * @param connections as many as there may be requests: whose place has just come free has that connection a moment
 * later, where without a bound it would open another. A smaller one would make a second queue behind the cluster's.
 */
export function openPool(place: Place, way: Way, connections: number): Pool {
  return new Pool(place.named, {
    connections,
    ...connectionTo(place, way),
    keepAliveTimeout: limits.keepAlive,
    keepAliveTimeoutThreshold: limits.keepAliveMargin,
  })
}

/** One connection apart from the pool's, to a port of its own where one is given. */
export function openClient(place: Place, way: Way, port: number | undefined): Client {
  const url = new URL(place.named)
  if (port !== undefined) url.port = String(port)
  return new Client(url.origin, connectionTo(place, way))
}

function connectionTo({ address }: Place, { secured, allowed }: Way) {
  const lookup = address === undefined ? undefined : always(address)
  const connect = connector({ timeout: limits.connect, allowH2: false, allowed, lookup, ...secured })
  return {
    pipelining: 1,
    // Over HTTP/2, upgrades, trailers and 1xx take other ways through undici.
    allowH2: false,
    // undici asks for, and verifies, the name in a request's `Host`, which may be the client's.
    connect: ({ servername: _, ...to }: buildConnector.Options, done: buildConnector.Callback) => connect(to, done),
    // undici's own limits know neither the request's end nor the answer's media type; ours do (see attempt.ts).
    headersTimeout: 0,
    bodyTimeout: 0,
  }
}

function always(address: string): LookupFunction {
  const family = isIP(address)
  return (_name, { all }, done) => (all ? done(null, [{ address, family }]) : done(null, address, family))
}
