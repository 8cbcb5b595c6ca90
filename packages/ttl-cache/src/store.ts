/** What a bounded store of expiring, tagged entries offers. */

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
  /** Entries now, with those that sweeping has yet to remove. */
  readonly size: number
  /** Bytes now, bookkeeping included. */
  readonly bytes: number
  /** What sweeping has taken in all. */
  readonly sweepMs: number
}

export interface Store<V extends object> {
  /** The value, unless it has expired; the clock is read at each call. */
  get(key: string): V | undefined
  /** Whether it was stored; a value too large, or expired already, is not, and takes its predecessor with it. */
  set(key: string, value: V, placement: Placement): boolean
  delete(key: string): void
  /** Nothing stored so far that carries the tag is found any more; sweeping removes it. */
  purgeTag(tag: string): void
  /**
   * All that is stored so far, or all of it that carries one of the tags, is found as `change` makes it, from now on; sweeping
   * changes what nobody looks for. How long it is kept stays as it was.
   */
  revise(change: (value: V) => V, tags?: readonly string[]): void
  clear(): void
  /** Removes what has expired or was purged, and changes what was revised, for at most 1 ms; whether there is more to do. */
  sweep(): boolean
  /** All that can be found, or all of it that carries the tag, in no order; counts as no use. */
  entries(tag?: string): Iterable<readonly [key: string, value: V]>
  readonly counters: Counters
}
