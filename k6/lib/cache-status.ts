/** What the gateway says its cache did (RFC 9211). */

export type CacheOutcome = 'hit' | 'miss' | 'collapsed' | 'none'

/** Reading one costs k6 as much as half a request; they differ by the gateway's name and by seconds only. */
const known = new Map<string, CacheOutcome>()
const REMEMBERED = 1000

/**
 * Only the gateway's own member counts: the one nearest to the client, under the name that stands first in
 * `X-Served-By`. An origin's own cache may have written others before it. What comes out of the cache service is a miss
 * of the gateway's own that says `detail=l2`, and a hit all the same.
 */
export function cacheOutcome(cacheStatus: string | undefined, servedBy: string | undefined): CacheOutcome {
  if (cacheStatus === undefined) return 'none'
  const both = `${cacheStatus}\n${servedBy}`
  const before = known.get(both)
  if (before) return before
  const outcome = read(cacheStatus, servedBy)
  if (known.size >= REMEMBERED) known.clear()
  known.set(both, outcome)
  return outcome
}

function read(cacheStatus: string, servedBy: string | undefined): CacheOutcome {
  const member = cacheStatus.slice(cacheStatus.lastIndexOf(',') + 1)
  const [name = '', ...parameters] = member.split(';').map((part) => part.trim())
  if (servedBy !== undefined && name !== servedBy.split(',', 1)[0]) return 'none'
  if (parameters.includes('hit') || parameters.includes('detail=l2')) return 'hit'
  if (!parameters.some((parameter) => parameter.startsWith('fwd='))) return 'none'
  return parameters.includes('collapsed') ? 'collapsed' : 'miss'
}
