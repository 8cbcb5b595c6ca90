export { ttlCache } from './plugin.ts'
export type { Counters, Placement, Store } from './store.ts'
export { startSweeper } from './sweeper.ts'
export { TtlCache, type TtlCacheOptions } from './ttl-cache.ts'
