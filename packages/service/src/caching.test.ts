import { expect, it } from 'vitest'
import { cachingSettings, cdnCacheControl } from './caching.ts'
import { readConfig } from './config.ts'

it('lets caches keep answers for 30 s, and use them a while longer, unless told otherwise', () => {
  const told = (environment: Record<string, string>) => cdnCacheControl(readConfig(cachingSettings, environment))
  expect(told({})).toBe('public, max-age=30, stale-while-revalidate=10, stale-if-error=600')
  expect(told({ CACHE_TTL: '5s', CACHE_STALE_WHILE_REVALIDATE: '0s', CACHE_STALE_IF_ERROR: '1500ms' })).toBe(
    'public, max-age=5, stale-while-revalidate=0, stale-if-error=1',
  )
})

it('lets them keep nothing where it is fresh for less than a second', () => {
  const stale = { CACHE_STALE_WHILE_REVALIDATE: 10_000, CACHE_STALE_IF_ERROR: 10_000 }
  for (const CACHE_TTL of [0, 999]) expect(cdnCacheControl({ CACHE_TTL, ...stale })).toBe('no-store')
})
