/** undici's connector, which leads to addresses that are allowed alone: judged as the connection is made, by what it connects to. */
import { lookup as system } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import type { Destinations } from './destinations.ts'
import { unbracketed } from './discovery.ts'

/** A connection would have led where none may. */
class AddressProhibited extends Error {
  override name = 'AddressProhibited'
  readonly code = 'ERR_ADDRESS_PROHIBITED'

  constructor(addresses: readonly string[]) {
    super(`${addresses.join(', ')} may not be connected to: link-local, metadata, unspecified, multicast or reserved`)
  }
}

export type ConnectorOptions = buildConnector.BuildOptions & {
  readonly allowed: Destinations
  /** Default: getaddrinfo. */
  readonly lookup?: LookupFunction | undefined
}

/**
 * No later answer of DNS, and no other spelling of an address, leads past it: what was judged is what is connected to. Of a
 * name's addresses those are left out that are not allowed. Fails with an {@link AddressProhibited}.
 */
export function connector({ allowed, lookup = system, ...options }: ConnectorOptions): buildConnector.connector {
  const connect = buildConnector({ ...options, lookup: only(allowed, lookup) })
  return (to, done) => {
    const host = unbracketed(to.hostname)
    // An address is not looked up.
    if (isIP(host) === 0 || allowed(host)) connect(to, done)
    else queueMicrotask(() => done(new AddressProhibited([host]), null))
  }
}

function only(allowed: Destinations, lookup: LookupFunction): LookupFunction {
  return (name, options, done) =>
    lookup(name, { ...options, all: true }, (error, found) => {
      if (error || typeof found === 'string') return done(error, found)
      const reachable = found.filter(({ address }) => allowed(address))
      const [first] = reachable
      if (!first) return done(new AddressProhibited(found.map(({ address }) => address)), [])
      if (options.all) return done(null, reachable)
      return done(null, first.address, first.family)
    })
}
