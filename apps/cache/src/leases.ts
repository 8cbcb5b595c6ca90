/** Who fills which entry, and who waits for that fill: at most one lease stands for a key. */
import { ageOf, type Sealed, type Surrender } from '@spillway/cache-client'
import { TtlCache } from '@spillway/ttl-cache'

export type Decided =
  | { readonly outcome: 'filled'; readonly seq: number; readonly entry: Stored }
  | { readonly outcome: 'lease'; readonly seq: number; readonly token: string; readonly stale: Stored | undefined }
  | {
      readonly outcome: 'failed'
      readonly seq: number
      readonly status: number
      readonly error: string
      readonly stale: Stored | undefined
    }
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
  /** Nobody waits at the holder's any more: it fills for those who wait here. */
  abandoned: boolean
}

/**
 * A gateway's fill has 15 s, on top of which its entry is sent. A holder that is alive but has lost its fill must not
 * keep others waiting longer than two such fills.
 */
export const LEASE_MS = 30_000
/** How long nobody queues for what turned out not to be shareable. */
export const PASS_MS = 10_000
/** Room for some 8,500 marks; past that the eldest are forgotten, and what they marked is leased once more. */
const PASS_BYTES = 8 * 1024 * 1024

export class Leases {
  readonly #slots = new Map<string, Slot>()
  readonly #passMarks: TtlCache<object>
  readonly #clock: () => number
  /** The next `seq`, and the token made of it. */
  readonly #next: () => { seq: number; token: string }
  /** What is stored, fresh or stale. */
  readonly #stored: (hash: string) => Stored | undefined

  constructor(
    clock: () => number,
    next: () => { seq: number; token: string },
    stored: (hash: string) => Stored | undefined,
  ) {
    this.#clock = clock
    this.#stored = stored
    this.#passMarks = new TtlCache({ maxBytes: PASS_BYTES, clock })
    this.#next = next
  }

  ask(hash: string, asker: Asker): Lease | 'wait' | 'pass' {
    if (this.#passMarks.get(hash)) return 'pass'
    const slot = this.#slots.get(hash)
    if (slot) {
      slot.waiting.add(asker)
      return 'wait'
    }
    const lease = this.#grant(asker)
    this.#slots.set(hash, { lease, waiting: new Set(), abandoned: false })
    return lease
  }

  /** The lease that the token names, where it stands. */
  standing(hash: string, token: string): Lease | undefined {
    const lease = this.#slots.get(hash)?.lease
    return lease?.token === token && this.#clock() < lease.until ? lease : undefined
  }

  /** Whether somebody is filling it. */
  has(hash: string): boolean {
    return this.#slots.has(hash)
  }

  /** Ends a standing lease with an outcome that all who wait share. */
  settle(hash: string, decided: Exclude<Decided, { outcome: 'lease' }>): void {
    const slot = this.#slots.get(hash)
    if (!slot) return
    this.#slots.delete(hash)
    if (decided.outcome === 'pass') this.#passMarks.set(hash, {}, { ttlMs: PASS_MS, bytes: 0 })
    slot.lease.holder.end()
    for (const asker of slot.waiting) asker.tell(decided)
  }

  /** What its holder says of a standing lease. */
  surrender(hash: string, why: Surrender, seq: number): 'ended' | 'awaited' {
    if (why.reason === 'failed') this.#fail(hash, why, seq)
    else if (why.reason === 'uncacheable') this.settle(hash, { outcome: 'pass', seq })
    else return this.#abandon(hash)
    return 'ended'
  }

  #fail(hash: string, { status, error }: { status: number; error: string }, seq: number): void {
    const stored = this.#stored(hash)
    const usable = stored && ageOf(stored, this.#clock()) < stored.sealed.windows.ifError
    this.settle(hash, { outcome: 'failed', seq, status, error, stale: usable ? stored : undefined })
  }

  #abandon(hash: string): 'ended' | 'awaited' {
    const slot = this.#slots.get(hash)
    if (slot) slot.abandoned = true
    if (slot?.waiting.size) return 'awaited'
    this.pass(hash)
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
    slot.abandoned = false
    const { seq, token } = slot.lease
    next.tell({ outcome: 'lease', seq, token, stale: this.#stored(hash) })
  }

  /** The asker's answer was closed: he neither fills nor waits any more. */
  leave(hash: string, asker: Asker): void {
    const slot = this.#slots.get(hash)
    if (slot?.lease.holder === asker) this.pass(hash)
    else if (slot?.waiting.delete(asker) && slot.abandoned && slot.waiting.size === 0) this.pass(hash)
  }

  /** Ends what a session held and waited for. */
  leaveAll(session: string): void {
    for (const [hash, { waiting }] of this.#slots) {
      for (const asker of [...waiting].filter((one) => one.session === session)) {
        this.leave(hash, asker)
        asker.end()
      }
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
    this.#passMarks.sweep()
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
