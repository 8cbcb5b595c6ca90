export type { Entry, Fill, Filled, Filling, Purge, Reading, SharedCache } from './cache.ts'
export {
  type CacheClient,
  type CacheClientOptions,
  type CacheCounters,
  type CacheListener,
  type CacheState,
  createCacheClient,
} from './client.ts'
export { isOutOfOrder } from './failures.ts'
export { FrameError, frame, open as openFrame, type Sealed, seal } from './frame.ts'
export {
  type CacheInspection,
  CacheSilent,
  CacheStats,
  EntriesPage,
  EntriesQuery,
} from './inspection.ts'
export { Ledger } from './limits/ledger.ts'
export { Limiter, type LimiterCounters, type LimiterOptions } from './limits/limiter.ts'
export type { Quota, Taken } from './limits/quota.ts'
export type { LimitOptions } from './limits/terms.ts'
export { Ask, Borrowing, type Budget, type Grant, Lending } from './limits/wire.ts'
export type { CacheLogger } from './link.ts'
export { type MemoryCacheOptions, memoryCache } from './memory.ts'
export { openCache } from './open.ts'
export { PurgeLog } from './purge-log.ts'
export { PurgeUnconfirmed } from './purging.ts'
export { ageOf, freshOnly, softened, type Windows } from './windows.ts'
export {
  AGE_SLACK_MS,
  Confirmation,
  type Decision,
  Digest,
  digest,
  HEADER,
  type Hello,
  MAX_FRAME_BYTES,
  MAX_PURGE_BYTES,
  PING_MS,
  PurgeBody,
  SESSION_MS,
  type StreamLine,
  Surrender,
} from './wire.ts'
