/** How a Fastify route's answers are kept, as the route itself says: `config: { cache: { ttl: '30s' } }`. */
import type { FastifyRequest, RouteOptions } from 'fastify'

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const SCOPES = ['public', 'role', 'user'] as const
const KNOWN = ['ttl', 'tags', 'scope']

export interface RouteCaching {
  /** How long an answer is kept, such as `250ms`, `30s`, `5m`. */
  readonly ttl: `${number}${keyof typeof UNITS}`
  /** What purges it before (`app.store.purgeTag`). Default: nothing. */
  readonly tags?: readonly string[] | ((request: FastifyRequest) => readonly string[])
  /**
   * Who shares an answer: everybody, those with the same roles, or nobody else; the last two by `request.identity`, and not
   * at all where there is none. Default: `user` where there is one; else `public`, past the cache for requests with
   * `Authorization` or `Cookie`.
   */
  readonly scope?: (typeof SCOPES)[number]
}

/** The same as it is used. */
export interface Rule {
  readonly ttlMs: number
  readonly scope: RouteCaching['scope']
  tagsOf(request: FastifyRequest): readonly string[]
}

/**
 * @returns undefined where the route says nothing
 * @throws {TypeError} that names the route, what it says and what would be right
 */
export function ruleOf({ method, url, config }: RouteOptions): Rule | undefined {
  const caching: unknown = config?.cache
  if (caching === undefined) return undefined
  const wrong = (what: string, must: string) =>
    new TypeError(`${method} ${url} has config.cache${what}; it must ${must}`)
  if (typeof caching !== 'object' || caching === null) throw wrong(` ${said(caching)}`, "be such as { ttl: '30s' }")
  const { ttl, tags = [], scope, ...others } = caching as Record<keyof RouteCaching, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(`.${unknown}`, `be one of ${KNOWN.join(', ')}`)
  const ttlMs = milliseconds(ttl)
  if (!(ttlMs > 0)) throw wrong(`.ttl ${said(ttl)}`, 'be a duration above 0 such as 250ms, 30s, 5m')
  if (scope !== undefined && !SCOPES.includes(scope as 'public')) {
    throw wrong(`.scope ${said(scope)}`, `be one of ${SCOPES.join(', ')}, or left out`)
  }
  if (typeof tags !== 'function' && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))) {
    throw wrong(`.tags ${said(tags)}`, "be a list such as ['items'], or a function that makes one of the request")
  }
  if (![method].flat().every((each) => each === 'GET' || each === 'HEAD')) {
    throw new TypeError(`${method} ${url} has config.cache, but only answers to GET are kept; leave it out`)
  }
  return {
    ttlMs,
    scope: scope as RouteCaching['scope'],
    tagsOf: typeof tags === 'function' ? (tags as Rule['tagsOf']) : () => tags,
  }
}

function milliseconds(text: unknown): number {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(text)) ?? []
  return Number(amount) * UNITS[unit as keyof typeof UNITS]
}

function said(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}
