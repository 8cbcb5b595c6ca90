/** How much of what is asked an overloaded process should refuse, so that the rest is answered in time. */

/** Who is refused first: public routes; only when none of them is answered any more, the others. */
export type Rank = 'public' | 'signed-in'

export interface OverloadLimits {
  /** Milliseconds the event loop may be late; 0 bounds nothing. */
  readonly lagMs: number
  /** Requests under way at which all are refused that may be; 0 bounds nothing. */
  readonly inFlight: number
}

/** Under this part of a limit there is room again. In between, what is refused stays as it is. */
const CALM = 0.5
/** Share a second: for each time that the lag is beyond its limit, up to three; and when it is calm. */
const RISE = 0.3
const STEEPEST = 3
const FALL = 0.05

export class Overload {
  readonly #limits: OverloadLimits
  #lateBefore = 0
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
   * @param lateMs how late a timer came
   * @param sinceMs milliseconds since the last time
   */
  observe({ lateMs, sinceMs, inFlight }: { lateMs: number; sinceMs: number; inFlight: number }): void {
    // Late twice running: once it may have been the collector, or the process was stopped for a while.
    this.#byLag = clamped(this.#byLag + (sinceMs / 1000) * this.#direction(Math.min(lateMs, this.#lateBefore)))
    this.#lateBefore = lateMs
    // Their number tells at once, and needs no memory: from half of the limit on to all of it.
    this.#byNumber = this.#limits.inFlight === 0 ? 0 : clamped((inFlight / this.#limits.inFlight - CALM) / (1 - CALM))
  }

  /** @param chance from 0 to under 1, anew for each request */
  refuses(rank: Rank, chance: number): boolean {
    return chance < clamped(rank === 'public' ? 2 * this.share : 2 * this.share - 1)
  }

  /** Share a second. */
  #direction(lag: number): number {
    const { lagMs } = this.#limits
    const load = lagMs === 0 ? 0 : lag / lagMs
    if (load > 1) return RISE * Math.min(load - 1, STEEPEST)
    return load < CALM ? -FALL : 0
  }
}

function clamped(share: number): number {
  return Math.min(1, Math.max(0, share))
}
