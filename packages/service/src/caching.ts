/** What answers of ours tell our caches: the settings of whoever makes them, and the field (RFC 9213) that says it. */
import { duration } from './settings.ts'

/** A purge ends all three, so what a write of ours changes is never served past it. */
export const cachingSettings = {
  CACHE_TTL: duration({ about: 'How long our caches may keep an answer as fresh.', default: '30s' }),
  CACHE_STALE_WHILE_REVALIDATE: duration({
    about: 'How long past that they may serve it once more, while they ask for it anew.',
    default: '10s',
  }),
  CACHE_STALE_IF_ERROR: duration({
    about: 'How long past CACHE_TTL they may serve it where asking for it anew fails.',
    default: '10m',
  }),
}

/** Milliseconds, as read. */
export type Caching = Readonly<Record<keyof typeof cachingSettings, number>>

/** `CDN-Cache-Control`: without `s-maxage`, which would forbid what is stale. Under a second nothing is kept at all. */
export function cdnCacheControl(caching: Caching): string {
  const [fresh, whileRevalidate, ifError] = [
    caching.CACHE_TTL,
    caching.CACHE_STALE_WHILE_REVALIDATE,
    caching.CACHE_STALE_IF_ERROR,
  ].map((ms) => Math.floor(ms / 1000)) as [number, number, number]
  if (fresh === 0) return 'no-store'
  return `public, max-age=${fresh}, stale-while-revalidate=${whileRevalidate}, stale-if-error=${ifError}`
}
