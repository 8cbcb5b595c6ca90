/** What one gateway has borrowed for one key, what it knows of the rest, and what it asks for next. */
import { type Rate, spend } from './gcra.ts'
import type { Terms } from './terms.ts'
import type { Ask, Grant } from './wire.ts'

export class Purse {
  /** While it borrows: settled when it has, or has found nobody to borrow from. */
  borrowing: PromiseWithResolvers<void> | undefined
  /** Requests that wait for that. */
  waiting = 0
  /** When this gateway's own share of the limit will be whole again. */
  fullAt = Number.NEGATIVE_INFINITY
  readonly #key: string
  readonly #terms: Terms
  /** Borrowed and not spent. */
  #tokens = 0
  #until = Number.NEGATIVE_INFINITY
  /** Of the last grant: when it was asked for, when it came, how much it was, how much of it is spent. */
  #askedAt = Number.NEGATIVE_INFINITY
  #since = Number.NEGATIVE_INFINITY
  #granted = 0
  #used = 0
  /** What everybody had left then. */
  #left = 0
  #emptyUntil = Number.NEGATIVE_INFINITY
  /** Borrowed, and not to be spent any more; may be given back until then. */
  #spare = 0
  #spareUntil = Number.NEGATIVE_INFINITY
  /** Passed without having been borrowed. */
  #owed = 0

  constructor(key: string, terms: Terms) {
    this.#key = key
    this.#terms = terms
  }

  /** Whether there was a token. */
  spend(now: number): boolean {
    if (this.#tokens === 0 || now >= this.#until) return false
    this.#tokens--
    this.#used++
    return true
  }

  /** What may come at once, as far as is known. */
  get left(): number {
    return this.#tokens + this.#left
  }

  /** For how long nothing can be borrowed, as far as is known. */
  emptyFor(now: number): number {
    return Math.max(0, this.#emptyUntil - now)
  }

  /** Whether to borrow ahead. Not for those who come one by one: what they need is asked for when they come. */
  isLow(now: number): boolean {
    if (this.borrowing || this.#granted < 2 || now < this.#emptyUntil) return false
    return this.#tokens <= this.#granted / 2 || now >= this.#until - this.#terms.holdMs / 4
  }

  /** One passes that nobody lent for. `share`: this gateway's of the limit. */
  owe(share: Rate, now: number): void {
    this.#owed++
    this.fullAt = spend(share, this.fullAt, now, 1)
  }

  /** To be sent now: what is given back is no longer here, and what is owed is told. */
  ask(now: number): Ask {
    if (now >= this.#until) this.#putAside()
    // More than a burst empties the budget no further.
    const spent = Math.min(this.#owed, this.#terms.rate.burst) - (now < this.#spareUntil ? this.#spare : 0)
    this.#spare = 0
    this.#owed = 0
    return { key: this.#key, ...this.#terms.rate, want: this.#want(now), spent }
  }

  /** What was lent for `ask`, sent at `at`. */
  lent({ granted, left, waitMs }: Grant, { want }: Ask, at: number, now: number): void {
    this.#putAside()
    this.#tokens = granted
    this.#until = at + this.#terms.holdMs / 2
    this.#askedAt = at
    this.#since = now
    this.#granted = granted
    this.#used = 0
    this.#left = left
    if (granted < want) this.#emptyUntil = now + Math.max(waitMs, this.#terms.askAgainMs)
  }

  /** No answer to it. What it gave back may have arrived, so it is lost; what it told is told again, at worst counted twice. */
  unanswered({ spent }: Ask): void {
    this.#owed += Math.max(0, spent)
  }

  /** What it would spend at its pace while it may, and not twice as much as the last time. */
  #want(now: number): number {
    const pace = (this.#used * this.#terms.holdMs) / 2 / Math.max(now - this.#since, 1)
    return Math.max(this.waiting, Math.min(Math.ceil(pace), 2 * this.#granted, this.#terms.batch))
  }

  #putAside(): void {
    if (this.#tokens === 0) return
    this.#spare = this.#tokens
    this.#spareUntil = this.#askedAt + this.#terms.holdMs
    this.#tokens = 0
  }
}
