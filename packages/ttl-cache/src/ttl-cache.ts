/** An in-process cache for whoever must bound memory and forget on command: lru-cache by bytes, with TTL and tags. */
import { LRUCache } from 'lru-cache'
import type { Counters, Placement, Store } from './store.ts'
import { TagIndex } from './tag-index.ts'

export interface TtlCacheOptions {
  /** Room for everything, bookkeeping included. */
  maxBytes: number
  /** Room for one entry, bookkeeping included. Default: an eighth of `maxBytes`, so that none empties the cache. */
  maxEntryBytes?: number
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
}

interface Held<V> {
  value: V
  tags: readonly string[]
  /** The bucket of its expiry. */
  due: number
}

/**
 * What an entry costs beside its value: with 100,000 entries on Node 26 the heap grew by 540 bytes each for list node,
 * maps, bucket, wrapper and Buffer, some 260 more lie outside it, and each tag that it shares with nobody took 340.
 */
const ENTRY_BYTES = 800
const TAG_BYTES = 340
const BUCKET_MS = 1000
const SLICE_MS = 1
/** Reading the clock costs more than a deletion, so not after each. */
const SWEPT_BETWEEN_READINGS = 16

export class TtlCache<V extends object> implements Store<V> {
  readonly #entries: LRUCache<string, Held<V>>
  readonly #tags = new TagIndex()
  /** Keys by the second in which they expire: sweeping looks at nothing that still lives. */
  readonly #due = new Map<number, Set<string>>()
  readonly #clock: () => number
  readonly #maxEntryBytes: number
  /** The oldest bucket that may hold keys. */
  #oldest: number
  #hits = 0
  #misses = 0
  #stale = 0
  #evictions = 0
  #expired = 0

  constructor({ maxBytes, maxEntryBytes = maxBytes / 8, clock = () => performance.now() }: TtlCacheOptions) {
    this.#clock = clock
    this.#maxEntryBytes = maxEntryBytes
    this.#oldest = Math.floor(clock() / BUCKET_MS)
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      perf: { now: clock },
      // By default lru-cache remembers the time for a millisecond and clears it by a timer, which a stopped process keeps.
      ttlResolution: 0,
      dispose: (held, key, reason) => this.#forget(key, held, reason),
    })
  }

  get(key: string): V | undefined {
    const held = this.#entries.get(key)
    if (held) this.#hits++
    else this.#misses++
    return held?.value
  }

  set(key: string, value: V, { ttlMs, bytes, tags = [] }: Placement): boolean {
    const size = Math.ceil(bytes) + overhead(key, tags)
    if (!(ttlMs > 0) || size > this.#maxEntryBytes) {
      this.#entries.delete(key)
      return false
    }
    const due = Math.ceil((this.#clock() + ttlMs) / BUCKET_MS)
    this.#entries.set(key, { value, tags, due }, { ttl: ttlMs, size })
    // Only now: replacing an entry has just taken its predecessor's tags out of the index.
    this.#tags.add(key, tags)
    const bucket = this.#due.get(due)
    if (bucket) bucket.add(key)
    else this.#due.set(due, new Set([key]))
    return true
  }

  delete(key: string): boolean {
    return this.#entries.delete(key)
  }

  keys(): Iterable<string> {
    return this.#entries.keys()
  }

  tagged(tag: string): readonly string[] {
    return this.#tags.keys(tag)
  }

  purgeTag(tag: string): number {
    const keys = this.#tags.keys(tag)
    for (const key of keys) this.#entries.delete(key)
    return keys.length
  }

  clear(): void {
    this.#entries.clear()
  }

  sweep(): boolean {
    const started = this.#clock()
    let swept = 0
    for (; this.#oldest * BUCKET_MS <= started; this.#oldest++) {
      for (const key of this.#due.get(this.#oldest) ?? []) {
        this.#entries.delete(key)
        this.#expired++
        if (++swept % SWEPT_BETWEEN_READINGS === 0 && this.#clock() - started >= SLICE_MS) return true
      }
    }
    return false
  }

  get counters(): Counters {
    return {
      hits: this.#hits,
      misses: this.#misses,
      stale: this.#stale,
      evictions: this.#evictions,
      expired: this.#expired,
      size: this.#entries.size,
      bytes: this.#entries.calculatedSize,
    }
  }

  #forget(key: string, { tags, due }: Held<V>, reason: LRUCache.DisposeReason): void {
    this.#tags.remove(key, tags)
    const bucket = this.#due.get(due)
    bucket?.delete(key)
    if (bucket?.size === 0) this.#due.delete(due)
    if (reason === 'evict') this.#evictions++
    // A lookup found it past its time; sweeping deletes.
    if (reason === 'expire') {
      this.#stale++
      this.#expired++
    }
  }
}

function overhead(key: string, tags: readonly string[]): number {
  return ENTRY_BYTES + key.length + tags.reduce((sum, tag) => sum + tag.length + TAG_BYTES, 0)
}
