/** What a bounded store of expiring, tagged entries offers; its admission and eviction can be replaced behind it. */

export interface Placement {
  /** Milliseconds from now; not more than 0 stores nothing. */
  ttlMs: number
  /** What the value itself takes, in bytes; key, tags and bookkeeping are added. */
  bytes: number
  /** Names that purge it, beside its key. Default: none. */
  tags?: readonly string[]
}

export interface Counters {
  readonly hits: number
  readonly misses: number
  /** Those of the misses that found an entry past its time. */
  readonly stale: number
  /** Thrown out for want of room. */
  readonly evictions: number
  /** Removed past their time, by a lookup or by sweeping. */
  readonly expired: number
  /** Entries now. */
  readonly size: number
  /** Bytes now, bookkeeping included. */
  readonly bytes: number
}

export interface Store<V extends object> {
  /** The value, unless it has expired; the clock is read at each call. */
  get(key: string): V | undefined
  /** Whether it was stored; a value too large, or expired already, is not, and takes its predecessor with it. */
  set(key: string, value: V, placement: Placement): boolean
  delete(key: string): boolean
  /** The keys of all that is stored, expired or not. */
  keys(): Iterable<string>
  /** The keys of what carries the tag. */
  tagged(tag: string): readonly string[]
  /** Removes what carries the tag; how many that were. */
  purgeTag(tag: string): number
  clear(): void
  /** Removes what has expired, for at most 1 ms; whether there is more to do. */
  sweep(): boolean
  readonly counters: Counters
}
