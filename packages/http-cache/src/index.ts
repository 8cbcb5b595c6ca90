export { FillFailed, OnlyIfCached } from './errors.ts'
export { type HttpCacheOptions, httpCache } from './http-cache.ts'
