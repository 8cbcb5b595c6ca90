export type { Entry, Fill, Filling, Purge, Reading, SharedCache } from './cache.ts'
