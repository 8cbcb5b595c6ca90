/** How long a process that died stays down before it is started again. */

const FIRST_MS = 500
const LONGEST_MS = 10_000
const STEADY_MS = 60_000

export interface Crashes {
  /** In a row, none of them after a steady minute. */
  count: number
  /** Milliseconds until the next start. */
  delayMs: number
}

/** After one more crash of a process that had been up for `upMs` (0 when it never became ready). */
export function nextCrash(before: number, upMs: number): Crashes {
  const count = upMs >= STEADY_MS ? 1 : before + 1
  return { count, delayMs: Math.min(FIRST_MS * 2 ** (count - 1), LONGEST_MS) }
}
