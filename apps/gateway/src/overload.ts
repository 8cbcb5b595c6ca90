/** How much of what is asked an overloaded process should refuse, so that the rest is answered in time. */

/** Who is refused first: public routes; only when none of them is answered any more, the others. */
export type Rank = 'public' | 'signed-in'

export interface OverloadLimits {
  /** Milliseconds that the event loop, or a new connection, may be late; 0 bounds nothing. */
  readonly lagMs: number
  /** Requests under way at which all are refused that may be; 0 bounds nothing. */
  readonly inFlight: number
}

/** Of the limit on requests under way, from which on some are refused. */
const CALM = 0.5
/**
 * A PI controller that holds the lag at its limit: share for each time that the lag is beyond it, at once and for each second
 * that it lasts. Of five pairs tried in simulation (overload.test.ts) the one whose lag strayed least from the limit.
 */
const AT_ONCE = 0.25
const A_SECOND = 0.15
/** Times beyond the limit that count: with more, one reading that is far off would refuse all. */
const STEEPEST = 3
/** What one step may count for, in seconds: the process may have been stopped for an hour. */
const LONGEST = 1

export class Overload {
  readonly #limits: OverloadLimits
  #lateBefore = 0
  #sum = 0
  #byLag = 0
  #byNumber = 0

  constructor(limits: OverloadLimits) {
    this.#limits = limits
  }

  /** 0 to 1: none of what may be refused, to all of it. */
  get share(): number {
    return Math.max(this.#byLag, this.#byNumber)
  }

  /**
   * To be told again and again.
   *
   * @param lateMs how late a timer came, or a new connection was taken
   * @param sinceMs milliseconds since the last time
   */
  observe({ lateMs, sinceMs, inFlight }: { lateMs: number; sinceMs: number; inFlight: number }): void {
    // Late twice running: once it may have been the collector, or the process was stopped for a while.
    const excess = this.#excess(Math.min(lateMs, this.#lateBefore))
    this.#lateBefore = lateMs
    this.#sum = clamped(this.#sum + Math.min(sinceMs / 1000, LONGEST) * A_SECOND * excess)
    this.#byLag = clamped(this.#sum + AT_ONCE * excess)
    // Their number tells at once, and needs no memory: from half of the limit on to all of it.
    this.#byNumber = this.#limits.inFlight === 0 ? 0 : clamped((inFlight / this.#limits.inFlight - CALM) / (1 - CALM))
  }

  /** @param chance from 0 to under 1, anew for each request */
  refuses(rank: Rank, chance: number): boolean {
    return chance < clamped(rank === 'public' ? 2 * this.share : 2 * this.share - 1)
  }

  /** How many times the limit the lag is beyond it; below 0 where there is room. */
  #excess(lag: number): number {
    const { lagMs } = this.#limits
    return lagMs === 0 ? -1 : Math.min(lag / lagMs - 1, STEEPEST)
  }
}

function clamped(share: number): number {
  return Math.min(1, Math.max(0, share))
}
