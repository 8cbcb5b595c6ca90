/** How a request's host and path may be read by whoever gets it: for routes that nobody is to get around. */

/** A path without its query, letter case set aside: upstreams differ about it. */
export interface Reading {
  readonly written: string
  /** As the most lenient upstream might read it: decoded, doubled slashes and dot segments resolved, parameters dropped. */
  readonly resolved: string
  /**
   * Whether readings between those two may lead elsewhere: it has a segment `..` in any encoding, and which of them are
   * followed, nobody can know; or parameters and escaped slashes, and which of them end first.
   */
  readonly twisted: boolean
}

export function readPath(target: string): Reading {
  const query = target.indexOf('?')
  const written = (query < 0 ? target : target.slice(0, query)).toLowerCase()
  // Nearly every path: nothing in it has a second spelling.
  if (!/[%\\;]|\/[./]/.test(written)) return { written, resolved: written, twisted: false }
  const segments: string[] = []
  const parts = decoded(written).replaceAll('\\', '/').split('/')
  let twisted = parts.length > written.split('/').length && parts.some((part) => part.includes(';'))
  for (const part of parts) {
    const segment = part.split(';', 1)[0] as string
    if (segment === '..') {
      twisted = true
      segments.pop()
    } else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return { written, resolved: `/${segments.join('/')}`, twisted }
}

/** Decoded until nothing changes, since the next hop may decode again what this one would have. */
function decoded(path: string): string {
  let text = path
  for (let before = ''; text !== before; ) {
    before = text
    text = text.replaceAll(/%([0-7][0-9a-f])/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)).toLowerCase(),
    )
  }
  return text
}

/** The longest name that DNS knows. */
const LONGEST_HOST = 253

/** A host without its port and the root's dot, letter case set aside; empty where there is none. */
export function readHost(authority = ''): string {
  const host = authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase()
  return host.length > LONGEST_HOST ? '' : host
}
