/** The connections to one endpoint: where they go, whose certificate they ask for, how long they are kept. */
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector, Client, Pool } from 'undici'
import type { Place } from './discovery.ts'
import { limits } from './limits.ts'
import type { Secured } from './tls.ts'

/** The pool is the name's, so that it is what `Host` and the certificate are about; only its lookups are answered here. */
export function openPool(place: Place, secured: Secured): Pool {
  return new Pool(place.named, {
    // As many connections as it needs: the cluster's queue is the only one, and a bound here would make a second.
    ...connectionTo(place, secured),
    keepAliveTimeout: limits.keepAlive,
    keepAliveTimeoutThreshold: limits.keepAliveMargin,
  })
}

/** One connection apart from the pool's, to a port of its own where one is given. */
export function openClient(place: Place, secured: Secured, port: number | undefined): Client {
  const url = new URL(place.named)
  if (port !== undefined) url.port = String(port)
  return new Client(url.origin, connectionTo(place, secured))
}

function connectionTo({ address }: Place, secured: Secured) {
  const lookup = address === undefined ? {} : { lookup: always(address) }
  const connect = buildConnector({ timeout: limits.connect, allowH2: false, ...lookup, ...secured })
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
