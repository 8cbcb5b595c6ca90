/** What people may look at in the cache service: its figures, and what it holds. The wire's schemas, and the asking. */
import { type Static, type TSchema, Type } from 'typebox'
import { Check } from 'typebox/value'
import type { Dispatcher } from 'undici'

const Count = Type.Integer({ minimum: 0 })
const Milliseconds = Type.Number({ minimum: 0 })

/** `GET /stats`. All but `size`, `bytes`, `leases`, `waiting`, `sessions` and `purgesPending` since the start. */
export const CacheStats = Type.Object({
  hits: Type.Integer({ minimum: 0, description: 'Lookups answered with an entry' }),
  misses: Type.Integer({ minimum: 0, description: 'All other lookups' }),
  stale: Type.Integer({ minimum: 0, description: 'Lookups, of either kind, that found an entry no longer fresh' }),
  collapsed: Type.Integer({ minimum: 0, description: 'Misses that waited for another’s fill' }),
  hitRate: Type.Number({ minimum: 0, maximum: 1 }),
  evictions: Type.Integer({ minimum: 0, description: 'Entries thrown out for want of room' }),
  expired: Type.Integer({ minimum: 0, description: 'Entries removed past their time' }),
  size: Type.Integer({ minimum: 0, description: 'Entries' }),
  bytes: Type.Integer({ minimum: 0, description: 'What they take, bookkeeping included' }),
  leases: Count,
  waiting: Count,
  sessions: Count,
  purgesPending: Count,
  epoch: Type.String(),
})
export type CacheStats = Static<typeof CacheStats>

/** `GET /entries`, in the query. */
export const EntriesQuery = Type.Object({
  prefix: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 8192 }), {
      maxItems: 100,
      description: 'Entries whose key, or one of whose tags, begins with one of these. Default: all',
    }),
  ),
  cursor: Type.Optional(Type.String({ pattern: '^[\\w-]{0,1000}$', description: 'From the page before' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
})
export type EntriesQuery = Static<typeof EntriesQuery>

/** `GET /entries`: a page of names, by key; without `cursor` the last. What comes or goes meanwhile may be missing. */
export const EntriesPage = Type.Object({
  entries: Type.Array(
    Type.Object({
      key: Type.String(),
      tags: Type.Array(Type.String(), { description: 'Its URL among them' }),
      ageMs: Milliseconds,
      freshMs: Type.Number({ description: 'How long it is still fresh; below 0, for how long it has been stale' }),
      bytes: Type.Integer({ minimum: 0, description: 'Of its body' }),
    }),
  ),
  cursor: Type.Optional(Type.String()),
})
export type EntriesPage = Static<typeof EntriesPage>

/** The cache service as an administrator sees it. @throws {CacheSilent} where it does not answer as it should */
export interface CacheInspection {
  stats(): Promise<CacheStats>
  entries(query: EntriesQuery): Promise<EntriesPage>
}

/** No answer in 5 s, or one that is none. */
export class CacheSilent extends Error {
  override name = 'CacheSilent'
  readonly code = 'cache_silent'
  readonly statusCode = 503
  readonly title = 'The cache service does not answer'
}

const ANSWER_MS = 5000

export function inspection(pool: Dispatcher): CacheInspection {
  async function get<S extends TSchema>(schema: S, path: string, query: Record<string, unknown> = {}) {
    const signal = AbortSignal.timeout(ANSWER_MS)
    try {
      const { statusCode, body } = await pool.request({ method: 'GET', path, query, signal })
      const found: unknown = await body.json()
      if (statusCode === 200 && Check(schema, found)) return found
      throw new Error(`the cache service answered ${statusCode}`)
    } catch (error) {
      // What went wrong has addresses in it, which are for the log.
      throw new CacheSilent('it did not answer in 5 s, or not as it should', { cause: error })
    }
  }
  return {
    stats: () => get(CacheStats, '/stats'),
    entries: (query) => get(EntriesPage, '/entries', query),
  }
}
