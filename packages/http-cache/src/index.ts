export { FillFailed, OnlyIfCached } from './errors.ts'
export { bypassCache, type HttpCacheOptions, httpCache } from './http-cache.ts'
export { urlTag } from './key.ts'
