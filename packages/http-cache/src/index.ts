export { FillFailed, OnlyIfCached } from './errors.ts'
export { bypassCache, httpCache } from './http-cache.ts'
export type { HttpCacheOptions } from './settings.ts'
