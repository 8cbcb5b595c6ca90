/** What the gateway says its cache did (RFC 9211); `k6/lib/cache-status.ts` is its twin. */
import type { Load } from '../run.ts'

export type CacheOutcome = keyof Load['cache']

/**
 * Only the gateway's own member counts: the one nearest to the client, under the name that stands first in
 * `X-Served-By`. An origin's own cache may have written others before it. What comes out of the cache service is a miss
 * of the gateway's own that says `detail=l2`, and a hit all the same.
 */
export function cacheOutcome(cacheStatus: string | undefined, servedBy: string | undefined): CacheOutcome {
  if (cacheStatus === undefined) return 'none'
  const member = cacheStatus.slice(cacheStatus.lastIndexOf(',') + 1)
  const [name = '', ...parameters] = member.split(';').map((part) => part.trim())
  if (servedBy !== undefined && name !== servedBy.split(',', 1)[0]) return 'none'
  if (parameters.includes('hit') || parameters.includes('detail=l2')) return 'hit'
  if (!parameters.some((parameter) => parameter.startsWith('fwd='))) return 'none'
  return parameters.includes('collapsed') ? 'collapsed' : 'miss'
}
