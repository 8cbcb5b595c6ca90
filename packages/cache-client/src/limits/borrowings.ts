/** What one gateway borrows for all its keys: one request at a time, in which everything goes that has come up meanwhile. */
import type { Purse } from './purse.ts'
import { type Budget, MAX_ASKS } from './wire.ts'

/** How often it is tried whether there is somebody again who lends. */
const PROBE_MS = 500

export class Borrowings {
  readonly #budget: Budget
  readonly #clock: () => number
  readonly #waiting: Purse[] = []
  #isAsking = false
  #isAway = false
  #probeAt = Number.NEGATIVE_INFINITY
  #gateways = 1
  readonly #counts = { borrowed: 0, givenBack: 0, alone: 0, lost: 0 }

  constructor(budget: Budget, clock: () => number) {
    this.#budget = budget
    this.#clock = clock
  }

  get counters(): Readonly<Record<'borrowed' | 'givenBack' | 'alone' | 'lost', number>> {
    return this.#counts
  }

  /** How many share the budget, as far as was last known. */
  get gateways(): number {
    return this.#gateways
  }

  /** Whoever was asked last did not answer. */
  get isAway(): boolean {
    return this.#isAway
  }

  /** Borrows for `purse`; resolves when that has come to something, whatever it is. */
  add(purse: Purse): Promise<void> {
    if (purse.borrowing) return purse.borrowing.promise
    purse.borrowing = Promise.withResolvers()
    this.#waiting.push(purse)
    if (!this.#isAsking) {
      this.#isAsking = true
      // What else comes up in this turn goes along.
      queueMicrotask(() => void this.#askAll())
    }
    return purse.borrowing.promise
  }

  /** It is decided without the budget, which is asked once in a while whether it is there again. */
  goWithout(purse: Purse, now: number): void {
    this.#counts.alone++
    if (!this.#isAway || now < this.#probeAt) return
    this.#probeAt = now + PROBE_MS
    void this.add(purse)
  }

  async #askAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#ask(this.#waiting.splice(0, MAX_ASKS))
    this.#isAsking = false
  }

  async #ask(purses: readonly Purse[]): Promise<void> {
    const at = this.#clock()
    const asked = purses.map((purse) => ({ purse, ask: purse.ask(at) }))
    try {
      const { gateways, grants } = await this.#budget.borrow(asked.map(({ ask }) => ask))
      if (grants.length !== asked.length) throw new Error('not every ask was answered')
      this.#isAway = false
      this.#gateways = Math.max(1, gateways)
      const now = this.#clock()
      for (const [index, grant] of grants.entries()) {
        const { purse, ask } = asked[index] as (typeof asked)[0]
        purse.lent(grant, ask, at, now)
        this.#counts.borrowed += grant.granted
        this.#counts.givenBack += Math.max(0, -ask.spent)
      }
    } catch {
      if (!this.#isAway) this.#counts.lost++
      this.#isAway = true
      this.#probeAt = this.#clock() + PROBE_MS
      for (const { purse, ask } of asked) purse.unanswered(ask)
    }
    for (const purse of purses) {
      const { borrowing } = purse
      purse.borrowing = undefined
      purse.waiting = 0
      borrowing?.resolve()
    }
  }
}
