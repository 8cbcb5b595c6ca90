/** Who stays when room runs out: the part of a store that can be replaced. */

/** A map whose values take at most so many bytes together. */
export interface Residents<V> {
  /** Counts as a use. */
  get(key: string): V | undefined
  /** Throws out what there is no room for beside it. `bytes` must not be more than all the room. */
  set(key: string, value: V, bytes: number): void
  delete(key: string): void
  readonly size: number
  readonly bytes: number
}

/** Told of every value that leaves: thrown out for want of room, or replaced or deleted. */
export type Gone<V> = (value: V, why: 'evicted' | 'removed') => void

export type Policy = <V extends object>(maxBytes: number, gone: Gone<V>) => Residents<V>
