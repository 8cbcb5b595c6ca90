/** Which route takes a request: the first whose host and path cover it, however the path is spelt. */
import { readHost, readPath } from './reading.ts'

/** Where a route applies. */
export interface Place {
  /** `shop.example`, or `*.shop.example` for every name below it. Default: any host. */
  readonly host?: string | undefined
  /** It, and all that is below it. Default: `/`. */
  readonly path?: string | undefined
}

/** What takes a path of which two readers could make different routes' paths. */
export const AMBIGUOUS = Symbol('ambiguous')

/** Whether nothing is left to `later` where `earlier` stands before it. */
export function covers(earlier: Place, later: Place): boolean {
  return hostCovers(hostKey(earlier), hostKey(later)) && pathCovers(pathKey(earlier), pathKey(later))
}

interface Entry<T> {
  /** Without a slash at its end, so that `/` is the empty text. */
  readonly path: string
  readonly route: T
}

export class RouteTable<T> {
  /** For each host that routes name, those that may take its requests, in their order; under '' those of any host. */
  readonly #byHost = new Map<string, readonly Entry<T>[]>()
  readonly #namesHosts: boolean

  constructor(routes: readonly (Place & { readonly route: T })[]) {
    for (const key of new Set(['', ...routes.map(hostKey)])) {
      const taking = routes.filter((route) => hostCovers(hostKey(route), key))
      this.#byHost.set(
        key,
        taking.map((each) => ({ path: pathKey(each), route: each.route })),
      )
    }
    this.#namesHosts = this.#byHost.size > 1
  }

  /**
   * Routes that nobody is to get around need more than one reading of a path: the one that decodes and resolves all
   * covers at least what any other does, the one that takes it as it is written at most, so that where both lead to the
   * same route, every reading between them does. That holds for what is not twisted.
   *
   * @param target the path, with or without a query
   */
  find(authority: string | undefined, target: string): T | typeof AMBIGUOUS | undefined {
    const entries = this.#entries(authority)
    const [first] = entries
    if (first === undefined || first.path === '') return first?.route
    const { written, resolved, twisted } = readPath(target)
    const route = taking(entries, resolved)
    if (written === resolved) return route
    return twisted || taking(entries, written) !== route ? AMBIGUOUS : route
  }

  #entries(authority: string | undefined): readonly Entry<T>[] {
    const host = this.#namesHosts ? readHost(authority) : ''
    let entries = this.#byHost.get(host)
    for (let dot = host.indexOf('.'); entries === undefined && dot >= 0; dot = host.indexOf('.', dot + 1)) {
      entries = this.#byHost.get(`*${host.slice(dot)}`)
    }
    return entries ?? (this.#byHost.get('') as readonly Entry<T>[])
  }
}

function taking<T>(entries: readonly Entry<T>[], path: string): T | undefined {
  for (const entry of entries) if (pathCovers(entry.path, path)) return entry.route
  return undefined
}

function hostKey({ host = '' }: Place): string {
  return readHost(host)
}

function pathKey({ path = '' }: Place): string {
  return path.replace(/\/$/, '').toLowerCase()
}

/** A name, or the names that a pattern stands for. */
function hostCovers(pattern: string, host: string): boolean {
  return pattern === '' || pattern === host || (pattern.startsWith('*') && host.endsWith(pattern.slice(1)))
}

function pathCovers(prefix: string, path: string): boolean {
  return path.startsWith(prefix) && (path.length === prefix.length || prefix === '' || path[prefix.length] === '/')
}
