/**
 * The generic cell rate algorithm (ITU-T I.371, as a virtual schedule): a limit whose whole state is one time, `fullAt`, at
 * which everything spent will have come back. Pure; times are milliseconds on whatever clock the caller keeps to.
 */

export interface Rate {
  /** How long it takes until one more may pass. */
  readonly intervalMs: number
  /** How many may pass at once, after a pause. Not below 1; need not be whole. */
  readonly burst: number
}

/** What a time may be off by after sums of many: a microsecond. No interval may be as short. */
const SLACK_MS = 0.001

/** How many may pass now. Of a `fullAt` that a clock's jump has left too far ahead, no more is believed than an empty budget. */
export function available(rate: Rate, fullAt: number, now: number): number {
  return Math.floor((rate.burst * rate.intervalMs - owing(rate, fullAt, now) + SLACK_MS) / rate.intervalMs)
}

/** `fullAt` after `count` have passed; a negative count gives back. It neither overflows nor goes below empty. */
export function spend(rate: Rate, fullAt: number, now: number, count: number): number {
  const after = owing(rate, fullAt, now) + count * rate.intervalMs
  return now + Math.min(Math.max(after, 0), rate.burst * rate.intervalMs)
}

/** Milliseconds until one may pass; 0: now. */
export function waitFor(rate: Rate, fullAt: number, now: number): number {
  return Math.max(0, owing(rate, fullAt, now) - (rate.burst - 1) * rate.intervalMs)
}

/** How long it takes until all is back. */
function owing({ intervalMs, burst }: Rate, fullAt: number, now: number): number {
  return Math.min(Math.max(fullAt - now, 0), burst * intervalMs)
}
