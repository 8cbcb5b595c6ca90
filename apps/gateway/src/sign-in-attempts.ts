/** How soon somebody may try again to sign in: at once at first, then ever later after each failure, until he succeeds. */

/** Failures that cost no wait, and attempts under way at once before any has failed. */
const FREE = 10
const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 15 * 60_000
const FAILURES_KEPT_MS = 24 * 60 * 60_000
const SUCCESS_KEPT_MS = 30 * 24 * 60 * 60_000
/** Of each kind, about 200 bytes; the longest unseen are forgotten first. */
const REMEMBERED = 50_000

/** `none`: it was not told whether the password was right. */
export type Verdict = 'right' | 'wrong' | 'none'

/** Either it may be made, and must be ended, or it may not yet. */
export type Attempt = { readonly end: (verdict: Verdict) => void } | { readonly waitMs: number }

interface Failures {
  count: number
  /** Attempts whose verdict is not known. */
  pending: number
  /** When the next one may be made. */
  until: number
  at: number
}

/** `who` is whatever attempts are counted for: an account and from where it is tried. */
export class SignInAttempts {
  readonly #clock: () => number
  readonly #failures = new Map<string, Failures>()
  readonly #successes = new Map<string, number>()

  /** @param clock monotonic milliseconds */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  begin(who: string): Attempt {
    const now = this.#clock()
    const failures = this.#of(who, now)
    if (now < failures.until) return { waitMs: failures.until - now }
    // Who asks for many at once learns no more than who asks for one after the other.
    const most = Math.max(1, FREE - failures.count)
    if (failures.pending >= most) return { waitMs: FIRST_WAIT_MS }
    failures.pending++
    touch(this.#failures, who, failures)
    return { end: (verdict) => this.#end(who, failures, verdict) }
  }

  /** Whether `who` succeeded in the last 30 days. */
  hasSucceeded(who: string): boolean {
    return this.#clock() - (this.#successes.get(who) ?? Number.NEGATIVE_INFINITY) < SUCCESS_KEPT_MS
  }

  #of(who: string, now: number): Failures {
    const known = this.#failures.get(who)
    const isOld = known && known.pending === 0 && now - known.at >= FAILURES_KEPT_MS
    return known && !isOld ? known : { count: 0, pending: 0, until: now, at: now }
  }

  #end(who: string, failures: Failures, verdict: Verdict): void {
    const now = this.#clock()
    failures.pending--
    if (verdict === 'right') {
      failures.count = 0
      failures.until = now
      touch(this.#successes, who, now)
    } else if (verdict === 'wrong') {
      failures.count++
      failures.at = now
      failures.until = now + waitAfter(failures.count)
      touch(this.#failures, who, failures)
    }
    if (failures.count === 0 && failures.pending === 0) this.#failures.delete(who)
  }
}

/** Milliseconds: none, then 1 s, 2 s, 4 s, up to a quarter of an hour. */
function waitAfter(failures: number): number {
  return failures < FREE ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (failures - FREE), LONGEST_WAIT_MS)
}

/** Sets it as the one seen last; the one not seen for longest makes room. */
function touch<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  if (map.size >= REMEMBERED) map.delete(map.keys().next().value as string)
  map.set(key, value)
}
