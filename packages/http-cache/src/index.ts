export { FillFailed, OnlyIfCached, WriteUnconfirmed } from './errors.ts'
export { type HttpCacheOptions, httpCache } from './http-cache.ts'
