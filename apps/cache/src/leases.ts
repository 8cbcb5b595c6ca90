/** Who fills which entry, and who waits for that fill: at most one lease stands for a key. */
import type { Sealed, Surrender } from '@spillway/cache-client'

export type Decided =
  | { readonly outcome: 'filled'; readonly seq: number; readonly entry: Stored }
  | { readonly outcome: 'lease'; readonly seq: number; readonly token: string }
  | { readonly outcome: 'failed'; readonly seq: number; readonly status: number; readonly error: string }
  | { readonly outcome: 'pass'; readonly seq: number }

/** An entry as L2 holds it. */
export interface Stored {
  readonly sealed: Sealed
  /** Its age at `at`. */
  readonly ageMs: number
  readonly at: number
}

/** One who asked and was told to fill or to wait; his answer stays open meanwhile. */
export interface Asker {
  readonly session: string
  /** Digest of the entry's URL tag. */
  readonly url: string
  /** Ends a wait; after `lease` the answer stays open. */
  tell(decided: Decided): void
  /** There is nothing more to say. */
  end(): void
}

export interface Lease {
  readonly token: string
  readonly seq: number
  readonly holder: Asker
  /** When it ends, filled or not. */
  readonly until: number
}

interface Slot {
  lease: Lease
  readonly waiting: Set<Asker>
}

/**
 * A gateway's fill has 15 s, on top of which its entry is sent. A holder that is alive but has lost its fill must not
 * keep others waiting longer than two such fills.
 */
export const LEASE_MS = 30_000
/** How long nobody queues for what turned out not to be shareable. */
export const PASS_MS = 10_000

export class Leases {
  readonly #slots = new Map<string, Slot>()
  readonly #passMarks = new Map<string, number>()
  readonly #clock: () => number
  /** The next `seq`, and the token made of it. */
  readonly #next: () => { seq: number; token: string }

  constructor(clock: () => number, next: () => { seq: number; token: string }) {
    this.#clock = clock
    this.#next = next
  }

  ask(hash: string, asker: Asker): Lease | 'wait' | 'pass' {
    if ((this.#passMarks.get(hash) ?? 0) > this.#clock()) return 'pass'
    const slot = this.#slots.get(hash)
    if (slot) {
      slot.waiting.add(asker)
      return 'wait'
    }
    const lease = this.#grant(asker)
    this.#slots.set(hash, { lease, waiting: new Set() })
    return lease
  }

  /** The lease that the token names, where it stands. */
  standing(hash: string, token: string): Lease | undefined {
    const lease = this.#slots.get(hash)?.lease
    return lease?.token === token && this.#clock() < lease.until ? lease : undefined
  }

  /** Ends a standing lease with an outcome that all who wait share. */
  settle(hash: string, decided: Exclude<Decided, { outcome: 'lease' }>): void {
    const slot = this.#slots.get(hash)
    if (!slot) return
    this.#slots.delete(hash)
    if (decided.outcome === 'pass') this.#passMarks.set(hash, this.#clock() + PASS_MS)
    slot.lease.holder.end()
    for (const asker of slot.waiting) asker.tell(decided)
  }

  /** What its holder says of a standing lease. */
  surrender(hash: string, why: Surrender, seq: number): 'ended' | 'awaited' {
    if (why.reason === 'failed') this.settle(hash, { outcome: 'failed', seq, status: why.status, error: why.error })
    else if (why.reason === 'uncacheable') this.settle(hash, { outcome: 'pass', seq })
    else if (this.#slots.get(hash)?.waiting.size) return 'awaited'
    else this.pass(hash)
    return 'ended'
  }

  /** Ends the lease, and grants one to the next who waits. */
  pass(hash: string): void {
    const slot = this.#slots.get(hash)
    if (!slot) return
    slot.lease.holder.end()
    const [next] = slot.waiting
    if (!next) {
      this.#slots.delete(hash)
      return
    }
    slot.waiting.delete(next)
    slot.lease = this.#grant(next)
    next.tell({ outcome: 'lease', seq: slot.lease.seq, token: slot.lease.token })
  }

  /** The asker's answer was closed: he neither fills nor waits any more. */
  leave(hash: string, asker: Asker): void {
    const slot = this.#slots.get(hash)
    if (slot?.lease.holder === asker) this.pass(hash)
    else slot?.waiting.delete(asker)
  }

  /** Ends what a session held and waited for. */
  leaveAll(session: string): void {
    for (const { waiting } of this.#slots.values()) {
      for (const asker of waiting) if (asker.session === session && waiting.delete(asker)) asker.end()
    }
    this.#passWhere((_, { holder }) => holder.session === session)
  }

  /** Voids the leases that a purge names, and forgets its pass marks; URLs as digests. */
  purge(names: { hashes: ReadonlySet<string>; urls: ReadonlySet<string> } | 'all'): void {
    if (names === 'all') this.#passMarks.clear()
    else for (const hash of names.hashes) this.#passMarks.delete(hash)
    this.#passWhere((hash, { holder }) => names === 'all' || names.hashes.has(hash) || names.urls.has(holder.url))
  }

  /** Ends leases past their time. */
  sweep(): void {
    const now = this.#clock()
    this.#passWhere((_, { until }) => now >= until)
    for (const [hash, until] of this.#passMarks) if (now >= until) this.#passMarks.delete(hash)
  }

  get counts(): { leases: number; waiting: number } {
    let waiting = 0
    for (const slot of this.#slots.values()) waiting += slot.waiting.size
    return { leases: this.#slots.size, waiting }
  }

  #passWhere(ends: (hash: string, lease: Lease) => boolean): void {
    for (const [hash, { lease }] of [...this.#slots]) if (ends(hash, lease)) this.pass(hash)
  }

  #grant(holder: Asker): Lease {
    return { ...this.#next(), holder, until: this.#clock() + LEASE_MS }
  }
}
