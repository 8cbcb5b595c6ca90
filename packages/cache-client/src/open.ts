/** The shared cache at a URL, whichever kind is there. */
import { type CacheClient, type CacheClientOptions, createCacheClient } from './client.ts'

/**
 * `http(s)://`: the cache service. `redis[s]://[user[:password]@]host[:port][/db]`: Valkey, or Redis 7 and later; there is
 * no L1 then, and the package `iovalkey`, which nobody else needs, is loaded.
 * @throws {TypeError} for another URL
 */
export async function openCache(options: CacheClientOptions): Promise<CacheClient> {
  if (!/^rediss?:/.test(options.url)) return createCacheClient(options)
  const { createValkeyClient } = await import('./valkey/client.ts')
  return createValkeyClient(options)
}
