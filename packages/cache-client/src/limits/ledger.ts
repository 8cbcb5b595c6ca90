/** The shared budget itself: what of each key's limit is left, lent to whoever asks. */
import { available, spend, waitFor } from './gcra.ts'
import { Recent } from './recent.ts'
import type { Ask, Grant } from './wire.ts'

/** Keys remembered, each about 200 bytes. Whoever makes so many to be forgotten has as many budgets anyway. */
const MAX_KEYS = 100_000
const KEEP_MS = 60_000

export class Ledger {
  readonly #fullAt: Recent<number>
  #lent = 0

  constructor({ maxKeys = MAX_KEYS }: { maxKeys?: number } = {}) {
    this.#fullAt = new Recent({ maxKeys, keepMs: KEEP_MS })
  }

  /** `now`: monotonic milliseconds. */
  lend({ key, want, spent, ...rate }: Ask, now: number): Grant {
    // A key that is forgotten has its budget whole again: not before it has filled up.
    this.#fullAt.keepMs = Math.max(this.#fullAt.keepMs, rate.burst * rate.intervalMs)
    const before = spend(rate, this.#fullAt.get(key, now) ?? now, now, spent)
    const granted = Math.min(want, available(rate, before, now))
    const fullAt = spend(rate, before, now, granted)
    this.#fullAt.set(key, fullAt, now)
    this.#lent += granted
    return { granted, left: available(rate, fullAt, now), waitMs: waitFor(rate, fullAt, now) }
  }

  /** Since the start, with what was given back. */
  get lent(): number {
    return this.#lent
  }

  /** Keys remembered. */
  get size(): number {
    return this.#fullAt.size
  }
}
