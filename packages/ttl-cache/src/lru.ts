/** The least recently used goes first: lru-cache, by bytes. */
import { LRUCache } from 'lru-cache'
import type { Gone, Residents } from './policy.ts'

export function lru<V extends object>(maxBytes: number, gone: Gone<V>): Residents<V> {
  const cache = new LRUCache<string, V>({
    // lru-cache takes no 0, which is room for nothing here: no entry is as small.
    maxSize: Math.max(1, Math.floor(maxBytes)),
    dispose: (value, _key, reason) => gone(value, reason === 'evict' ? 'evicted' : 'removed'),
  })
  return {
    get: (key) => cache.get(key),
    set: (key, value, size) => void cache.set(key, value, { size }),
    delete: (key) => void cache.delete(key),
    get size() {
      return cache.size
    },
    get bytes() {
      return cache.calculatedSize
    },
  }
}
