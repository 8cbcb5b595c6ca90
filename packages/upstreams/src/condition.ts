/** What is known of an endpoint's health, and the few ways in which it changes: pure functions from one condition to the next. */

/**
 * ```
 *            first good check           5 failures, under 80 % good, or an operator
 * starting ------------------->  up  ---------------------------------------->  ejected
 *     |                         ^  | <----- its time is over, or an operator -----  |
 *     |           2 good checks |  | 3 bad checks, or refused                       |
 *     |                         |  v                                                |
 *     +----------------------> down <-----------------------------------------------+
 *           3 bad checks                        3 bad checks, or refused
 * ```
 */
export type Condition =
  | { readonly state: 'starting' }
  | { readonly state: 'up'; readonly since: number }
  | { readonly state: 'down'; readonly reason: string }
  | { readonly state: 'ejected'; readonly until: number; readonly times: number; readonly reason: string }

/** What an active check found. `void`: our own event loop was late, so it says nothing. */
export type Finding =
  | { readonly outcome: 'good' | 'draining' | 'void' }
  | { readonly outcome: 'bad'; readonly reason: string; readonly refused: boolean }

/** Checks in a row that bring an endpoint up, and down (HAProxy's rise and fall). */
const RISE = 2
const FALL = 3

const EJECTION_MS = 30_000
const LONGEST_EJECTION_MS = 300_000

/**
 * After an active check.
 * @param streak how many checks in a row went as this one did, this one included
 */
export function afterCheck(condition: Condition, finding: Finding, streak: number, now: number): Condition {
  if (finding.outcome === 'good') {
    const risen = condition.state === 'starting' || (condition.state === 'down' && streak >= RISE)
    return risen ? { state: 'up', since: now } : condition
  }
  if (finding.outcome !== 'bad' || condition.state === 'down') return condition
  if (streak >= FALL) return { state: 'down', reason: finding.reason }
  return finding.refused ? afterRefusal(condition, finding.reason) : condition
}

/** After a refused connection: nobody listens any more, so there is nothing to wait for. What never was up may be starting. */
export function afterRefusal(condition: Condition, reason: string): Condition {
  return condition.state === 'up' || condition.state === 'ejected' ? { state: 'down', reason } : condition
}

/** Out of rotation for 30 s x `times`, at most 300 s (Envoy). Only what is up can be ejected. */
export function ejected(condition: Condition, reason: string, times: number, now: number): Condition {
  if (condition.state !== 'up') return condition
  return { state: 'ejected', until: now + Math.min(EJECTION_MS * times, LONGEST_EJECTION_MS), times, reason }
}

/** After an operator has taken an ejection back. */
export function readmitted(condition: Condition, now: number): Condition {
  return condition.state === 'ejected' ? { state: 'up', since: now } : condition
}

/** After mere passing of time. */
export function afterTime(condition: Condition, now: number): Condition {
  return condition.state === 'ejected' && now >= condition.until ? { state: 'up', since: now } : condition
}

/**
 * How often it has been ejected if it is again now: one that stayed up for as long as the longest ejection starts anew.
 * @param times of its last ejection, 0 before the first
 */
export function timesEjected(condition: Condition, times: number, now: number): number {
  return condition.state === 'up' && now - condition.since >= LONGEST_EJECTION_MS ? 1 : times + 1
}
