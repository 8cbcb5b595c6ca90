/** Which endpoints there are: those that are configured, and those that DNS found for a configured name. */

/** One entry of a cluster's list. */
export interface Source {
  /** As it is configured, in normal form: `http://10.0.0.1:5000` or `dns+http://gateway:5000`. */
  readonly entry: string
  /** Without `dns+`. */
  readonly origin: string
  /** Whether each address of its name is an endpoint; otherwise the origin is one, however many addresses it has. */
  readonly discovered: boolean
}

/** Where an endpoint is. */
export interface Place {
  /** What the endpoint is known by, such as `http://10.0.0.5:5000`. */
  readonly origin: string
  /** What its requests are for and its certificate must prove, such as `http://gateway:5000`. */
  readonly named: string
  /** Where DNS found the name; undefined where each connection is to ask. */
  readonly address: string | undefined
}

/** @throws {TypeError} where it is no http or https origin, with or without `dns+` */
export function sourceOf(entry: string): Source {
  const bare = entry.replace(/^dns\+/i, '')
  const { origin, protocol } = new URL(bare)
  if (!/^https?:$/.test(protocol)) {
    throw new TypeError(`${entry} must be an origin such as http://10.0.0.1:5000 or dns+http://gateway:5000`)
  }
  const discovered = bare !== entry
  return { entry: discovered ? `dns+${origin}` : origin, origin, discovered }
}

/** @param addresses of the source's name; asked for only where it is `discovered` */
export function placesOf({ origin, discovered }: Source, addresses: readonly string[]): Place[] {
  if (!discovered) return [{ origin, named: origin, address: undefined }]
  const { protocol, port } = new URL(origin)
  return addresses.flatMap((address) => {
    const host = address.includes(':') ? `[${address}]` : address
    // Null for an address that no URL can hold, such as a link-local one with its zone.
    const url = URL.parse(`${protocol}//${host}:${port}`)
    return url ? [{ origin: url.origin, named: origin, address }] : []
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
  return new URL(origin).hostname.replace(/^\[|\]$/g, '')
}

function identity({ origin, named }: Place): string {
  return `${origin} ${named}`
}
