export { FillFailed, OnlyIfCached } from './errors.ts'
export { bypassCache, httpCache } from './http-cache.ts'
export { urlTag } from './key.ts'
export type { HttpCacheOptions } from './settings.ts'
