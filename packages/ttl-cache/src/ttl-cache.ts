/** An in-process cache for whoever must bound memory and forget on command: by bytes, with TTL and tags. */
import { lru } from './lru.ts'
import type { Policy, Residents } from './policy.ts'
import { type Revisable, Revisions } from './revisions.ts'
import type { Counters, Placement, Store } from './store.ts'
import { type Tag, TagIndex } from './tag-index.ts'

export interface TtlCacheOptions {
  /** Room for everything, bookkeeping included. */
  maxBytes: number
  /** Room for one entry, bookkeeping included. Default: an eighth of `maxBytes`, so that none empties the cache. */
  maxEntryBytes?: number
  /** Who stays when room runs out: `lru`, or `s3Fifo`, which passers-by do not sweep away. Default: `lru`. */
  policy?: Policy
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
}

interface Held<V> extends Revisable<V> {
  readonly key: string
  readonly tags: readonly Tag<Held<V>>[]
  readonly expiresAt: number
}

/**
 * What an entry costs beside its value, by the growth of the heap with 100,000 of them on Node 26, when as many have come
 * and gone (their ghosts stay): 920 bytes for two maps, a queue, a bucket, a ghost and the usual wrapper with its Buffer;
 * a tag that it shares with nobody 380 more, one that all share 90.
 */
const ENTRY_BYTES = 920
const TAG_BYTES = 380
const BUCKET_MS = 1000
const SLICE_MS = 1
/** Reading the clock costs more than a deletion, so not after each. */
const SWEPT_BETWEEN_READINGS = 16

export class TtlCache<V extends object> implements Store<V> {
  readonly #clock: () => number
  readonly #maxEntryBytes: number
  readonly #empty: () => Residents<Held<V>>
  #residents: Residents<Held<V>>
  #tags = new TagIndex<Held<V>>()
  /** By the second in which they expire: sweeping looks at nothing that still lives. */
  #due = new Map<number, Set<Held<V>>>()
  /** Purged tags whose carriers have yet to be removed. */
  #purged = new Set<Tag<Held<V>>>()
  readonly #revisions = new Revisions<V, Held<V>>()
  /** The oldest bucket that may hold anything. */
  #oldest: number
  #hits = 0
  #misses = 0
  #stale = 0
  #evictions = 0
  #expired = 0
  #sweepMs = 0

  constructor(options: TtlCacheOptions) {
    const { maxBytes, maxEntryBytes = maxBytes / 8, policy = lru, clock = () => performance.now() } = options
    this.#clock = clock
    this.#maxEntryBytes = Math.min(maxBytes, maxEntryBytes)
    this.#oldest = Math.floor(clock() / BUCKET_MS)
    this.#empty = () => policy(maxBytes, (held, why) => this.#forget(held, why))
    this.#residents = this.#empty()
  }

  get(key: string): V | undefined {
    const held = this.#residents.get(key)
    if (held && !isPurged(held)) {
      if (this.#clock() <= held.expiresAt) {
        this.#hits++
        return this.#revisions.valueOf(held)
      }
      this.#stale++
      this.#expired++
    }
    this.#misses++
    if (held) this.#residents.delete(key)
    return undefined
  }

  set(key: string, value: V, { ttlMs, bytes, tags = [] }: Placement): boolean {
    const size = Math.ceil(bytes) + overhead(key, tags)
    if (!(ttlMs > 0) || size > this.#maxEntryBytes) {
      this.#residents.delete(key)
      return false
    }
    const expiresAt = this.#clock() + ttlMs
    const carried = tags.map((name) => this.#tags.tag(name))
    const held = { key, value, order: this.#revisions.next(), tags: carried, expiresAt }
    for (const { carriers } of held.tags) carriers.add(held)
    const due = dueOf(held)
    const bucket = this.#due.get(due)
    if (bucket) bucket.add(held)
    else this.#due.set(due, new Set([held]))
    this.#residents.set(key, held, size)
    return true
  }

  delete(key: string): void {
    this.#residents.delete(key)
  }

  purgeTag(name: string): void {
    const tag = this.#tags.purge(name)
    if (tag) this.#purged.add(tag)
  }

  revise(change: (value: V) => V, names?: readonly string[]): void {
    const tags = names && new Set(names.flatMap((name) => this.#tags.known(name) ?? []))
    const groups = tags ? [...tags].map(({ carriers }) => carriers) : this.#due.values()
    const concerns = (held: Held<V>) => !tags || held.tags.some((tag) => tags.has(tag))
    this.#revisions.add({ change, concerns, among: membersOf(groups) })
  }

  /** All at once, whatever there was: nothing is removed one by one. */
  clear(): void {
    this.#residents = this.#empty()
    this.#tags = new TagIndex()
    this.#due = new Map()
    this.#purged = new Set()
    this.#revisions.clear()
  }

  sweep(): boolean {
    const started = this.#clock()
    const more = this.#sweepUntil(started + SLICE_MS, started)
    this.#sweepMs += this.#clock() - started
    return more
  }

  *entries(tag?: string): Generator<readonly [key: string, value: V]> {
    const groups = tag === undefined ? this.#due.values() : [this.#tags.known(tag)?.carriers ?? []]
    for (const held of membersOf(groups)) {
      if (!isPurged(held) && this.#clock() <= held.expiresAt) yield [held.key, this.#revisions.valueOf(held)]
    }
  }

  get counters(): Counters {
    return {
      hits: this.#hits,
      misses: this.#misses,
      stale: this.#stale,
      evictions: this.#evictions,
      expired: this.#expired,
      size: this.#residents.size,
      bytes: this.#residents.bytes,
      sweepMs: this.#sweepMs,
    }
  }

  #sweepUntil(end: number, now: number): boolean {
    let swept = 0
    for (const _ of this.#steps(now)) {
      if (++swept % SWEPT_BETWEEN_READINGS === 0 && this.#clock() >= end) return true
    }
    return false
  }

  /** What is to be done, a step at a time; may be left at any, and begun anew. */
  *#steps(now: number): Generator<void> {
    for (const tag of this.#purged) {
      for (const { key } of tag.carriers) yield this.#residents.delete(key)
      this.#purged.delete(tag)
    }
    for (; this.#oldest * BUCKET_MS <= now; this.#oldest++) {
      for (const held of this.#due.get(this.#oldest) ?? []) {
        if (!isPurged(held)) this.#expired++
        yield this.#residents.delete(held.key)
      }
    }
    yield* this.#revisions.sweep()
  }

  #forget(held: Held<V>, why: 'evicted' | 'removed'): void {
    this.#tags.remove(held, held.tags)
    const due = dueOf(held)
    const bucket = this.#due.get(due)
    bucket?.delete(held)
    if (bucket?.size === 0) this.#due.delete(due)
    if (why === 'evicted') this.#evictions++
  }
}

/** Of all the groups, one after the other; may be walked slowly, while they change. */
function* membersOf<T>(groups: Iterable<Iterable<T>>): Generator<T> {
  for (const group of groups) yield* group
}

function isPurged({ tags }: Held<unknown>): boolean {
  return tags.some(({ purged }) => purged)
}

function dueOf({ expiresAt }: Held<unknown>): number {
  return Math.ceil(expiresAt / BUCKET_MS)
}

function overhead(key: string, tags: readonly string[]): number {
  return ENTRY_BYTES + key.length + tags.reduce((sum, tag) => sum + tag.length + TAG_BYTES, 0)
}
