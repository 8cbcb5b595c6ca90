/** One limit at one gateway: whether a request may pass, decided at once wherever enough is borrowed. */
import type { Borrowings } from './borrowings.ts'
import { available, type Rate, spend, waitFor } from './gcra.ts'
import type { Purse } from './purse.ts'
import type { Terms } from './terms.ts'

/** What became of a request. `left`: how many more may come at once; `resetMs`: until `burst` may; `waitMs`: until one may. */
export interface Taken {
  readonly allowed: boolean
  readonly left: number
  readonly resetMs: number
  readonly waitMs: number
}

interface Surroundings {
  readonly purseOf: (subject: string, now: number) => Purse
  readonly clock: () => number
  readonly borrowings: Borrowings
}

/** Those who came while it was asked already are asked for with the next. */
const ROUNDS = 2

export class Quota {
  readonly #rate: Rate
  readonly #around: Surroundings
  #share: Rate
  #gateways = 1
  #allowed = 0
  #limited = 0

  constructor({ rate }: Terms, around: Surroundings) {
    this.#rate = rate
    this.#share = rate
    this.#around = around
  }

  /** Since the start. */
  get counters(): { readonly allowed: number; readonly limited: number } {
    return { allowed: this.#allowed, limited: this.#limited }
  }

  /** Takes one of `subject`'s. A promise only where it has to be borrowed first; it never rejects. */
  take(subject: string): Taken | Promise<Taken> {
    const now = this.#around.clock()
    const purse = this.#around.purseOf(subject, now)
    return this.#decide(purse, now) ?? this.#borrow(purse)
  }

  /** Undefined: not without borrowing. */
  #decide(purse: Purse, now: number): Taken | undefined {
    const { borrowings } = this.#around
    if (purse.spend(now)) {
      // As if it were alone, lest it begin anew when it is.
      purse.fullAt = spend(this.#shareNow(), purse.fullAt, now, 1)
      if (purse.isLow(now)) void borrowings.add(purse)
      return this.#allow(purse.left)
    }
    const emptyFor = purse.emptyFor(now)
    if (emptyFor > 0) return this.#refuse(emptyFor)
    return borrowings.isAway ? this.#decideAlone(purse, now) : undefined
  }

  async #borrow(purse: Purse): Promise<Taken> {
    const { borrowings, clock } = this.#around
    for (let round = 0; round < ROUNDS; round++) {
      purse.waiting++
      await borrowings.add(purse)
      const taken = this.#decide(purse, clock())
      if (taken) return taken
    }
    // What was lent came too late to be spent, twice.
    return this.#decideAlone(purse, clock())
  }

  /** By this gateway's share of the limit. */
  #decideAlone(purse: Purse, now: number): Taken {
    const { borrowings } = this.#around
    borrowings.goWithout(purse, now)
    const share = this.#shareNow()
    if (available(share, purse.fullAt, now) < 1) return this.#refuse(waitFor(share, purse.fullAt, now))
    purse.owe(share, now)
    return this.#allow(available(share, purse.fullAt, now))
  }

  #shareNow(): Rate {
    const { gateways } = this.#around.borrowings
    if (gateways !== this.#gateways) {
      const { intervalMs, burst } = this.#rate
      this.#gateways = gateways
      this.#share = { intervalMs: intervalMs * gateways, burst: Math.max(1, burst / gateways) }
    }
    return this.#share
  }

  #allow(left: number): Taken {
    const { intervalMs, burst } = this.#rate
    this.#allowed++
    return { allowed: true, left: Math.min(left, burst), resetMs: Math.max(0, burst - left) * intervalMs, waitMs: 0 }
  }

  #refuse(waitMs: number): Taken {
    const { intervalMs, burst } = this.#rate
    this.#limited++
    return { allowed: false, left: 0, resetMs: burst * intervalMs, waitMs }
  }
}
