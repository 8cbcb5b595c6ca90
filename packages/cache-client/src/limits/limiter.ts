/** Limits that hold over all gateways: each borrows from the shared budget a little ahead, and decides by what it has. */
import { digest } from '../wire.ts'
import { Borrowings } from './borrowings.ts'
import { Purse } from './purse.ts'
import { Quota } from './quota.ts'
import { Recent } from './recent.ts'
import { type LimitOptions, termsOf } from './terms.ts'
import { type Budget, MAX_LIMIT_KEY } from './wire.ts'

/** Who is limited, by whichever limit: each about 300 bytes. */
const MAX_KEYS = 50_000
/** Longer than anything that is borrowed is of use. */
const KEEP_MS = 60_000

export interface LimiterOptions {
  budget: Budget
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
}

/** Since the start. */
export interface LimiterCounters {
  /** Requests that the shared budget has lent for, and of these those given back. */
  readonly borrowed: number
  readonly givenBack: number
  /** Requests decided without it, by this gateway's share of their limit. */
  readonly alone: number
  /** How often it has stopped answering. */
  readonly lost: number
  /** Who is remembered now. */
  readonly keys: number
}

/** One for a process. docs/routes.md says how exactly limits hold. */
export class Limiter {
  readonly #clock: () => number
  readonly #borrowings: Borrowings
  readonly #purses = new Recent<Purse>({ maxKeys: MAX_KEYS, keepMs: KEEP_MS })

  constructor({ budget, clock = () => performance.now() }: LimiterOptions) {
    this.#clock = clock
    this.#borrowings = new Borrowings(budget, clock)
  }

  /** Of one `name` and the same numbers there is one budget, at every gateway and as often as this is called. */
  quota(name: string, limit: LimitOptions): Quota {
    const terms = termsOf(limit)
    const prefix = `${name} ${limit.requests}/${limit.perMs}/${terms.rate.burst} `
    const purseOf = (subject: string, now: number) => {
      const key = prefix + subject
      const known = this.#purses.get(key, now)
      if (known) return known
      const purse = new Purse(key.length > MAX_LIMIT_KEY ? digest(key) : key, terms)
      this.#purses.set(key, purse, now)
      return purse
    }
    return new Quota(terms, { purseOf, clock: this.#clock, borrowings: this.#borrowings })
  }

  get counters(): LimiterCounters {
    return { ...this.#borrowings.counters, keys: this.#purses.size }
  }
}
