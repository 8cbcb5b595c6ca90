/** Which endpoints there are: those that are configured, and those that DNS found for a configured name. */

/** One entry of a cluster's list with more than its origin. */
export interface EndpointSpec {
  /** An origin, or `dns+http://name:port`: then the rest holds for each of its addresses. */
  readonly url: string
  /** How much of the work is its, in proportion to the others' weights: above 0, at most 1000. Default: 1. */
  readonly weight?: number | undefined
  /** Has requests only while no endpoint without this is usable. Default: false. */
  readonly backup?: boolean | undefined
  /** How many requests it may have at once, at least 1; what is over that waits. Default: no such limit. */
  readonly max?: number | undefined
}

/** What an `EndpointSpec` says of its endpoints, with its defaults. */
export interface Traits {
  readonly weight: number
  readonly backup: boolean
  readonly max: number
}

/** One entry of a cluster's list. */
export interface Source {
  /** As it is configured, in normal form: `http://10.0.0.1:5000` or `dns+http://gateway:5000`. */
  readonly entry: string
  /** Without `dns+`. */
  readonly origin: string
  /** Whether each address of its name is an endpoint; otherwise the origin is one, however many addresses it has. */
  readonly discovered: boolean
  readonly traits: Traits
}

/** Where an endpoint is. */
export interface Place {
  /** What the endpoint is known by, such as `http://10.0.0.5:5000`. */
  readonly origin: string
  /** What its requests are for and its certificate must prove, such as `http://gateway:5000`. */
  readonly named: string
  /** Where DNS found the name; undefined where each connection is to ask. */
  readonly address: string | undefined
  readonly traits: Traits
}

const HEAVIEST = 1000

/** @throws {TypeError} where it is no http or https origin, with or without `dns+`, or its traits are out of bounds */
export function sourceOf(entry: string | EndpointSpec): Source {
  const { url, weight = 1, backup = false, max = Number.POSITIVE_INFINITY } = specOf(entry)
  const bare = url.replace(/^dns\+/i, '')
  const { origin, protocol } = new URL(bare)
  if (!/^https?:$/.test(protocol)) {
    throw new TypeError(`${url} must be an origin such as http://10.0.0.1:5000 or dns+http://gateway:5000`)
  }
  checkWeight(url, weight)
  if (!(max === Number.POSITIVE_INFINITY || (Number.isInteger(max) && max >= 1))) {
    throw new TypeError(`max of ${url} is ${max}; it must be a whole number from 1 on, or left out for no limit`)
  }
  const discovered = bare !== url
  return { entry: discovered ? `dns+${origin}` : origin, origin, discovered, traits: { weight, backup, max } }
}

/** @throws {TypeError} where it is out of bounds */
export function checkWeight(endpoint: string, weight: number): void {
  if (weight > 0 && weight <= HEAVIEST) return
  throw new TypeError(`weight of ${endpoint} is ${weight}; it must be above 0 and at most ${HEAVIEST}`)
}

function specOf(entry: string | EndpointSpec): EndpointSpec {
  return typeof entry === 'string' ? { url: entry } : entry
}

/** @param addresses of the source's name; asked for only where it is `discovered` */
export function placesOf({ origin, discovered, traits }: Source, addresses: readonly string[]): Place[] {
  if (!discovered) return [{ origin, named: origin, address: undefined, traits }]
  const { protocol, port } = new URL(origin)
  return addresses.flatMap((address) => {
    const host = address.includes(':') ? `[${address}]` : address
    // Null for an address that no URL can hold, such as a link-local one with its zone.
    const url = URL.parse(`${protocol}//${host}:${port}`)
    return url ? [{ origin: url.origin, named: origin, address, traits }] : []
  })
}

/**
 * What changes where `found` are the places now. The same origin found under two names is one place, the one that was
 * known before; else the first.
 */
export function difference<K extends Place>(known: readonly K[], found: readonly Place[]) {
  const still = new Set(found.map(identity))
  const kept = known.filter((place) => still.has(identity(place)))
  const taken = new Set(kept.map(({ origin }) => origin))
  const added = found.filter(({ origin }) => !taken.has(origin) && taken.add(origin))
  return { kept, gone: known.filter((place) => !still.has(identity(place))), added }
}

/** Without the brackets that an IPv6 address has in a URL. */
export function hostOf(origin: string): string {
  return unbracketed(new URL(origin).hostname)
}

/** The same of a URL's `hostname`. */
export function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

function identity({ origin, named }: Place): string {
  return `${origin} ${named}`
}
