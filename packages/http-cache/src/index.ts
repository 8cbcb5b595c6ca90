export { FillFailed, OnlyIfCached } from './errors.ts'
export { bypassCache, httpCache } from './http-cache.ts'
export { urlTag } from './key.ts'
export { type HttpCacheOptions, LONGEST_BODY } from './settings.ts'
