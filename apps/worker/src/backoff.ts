/** How long a failed job rests before it is tried again. */

const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/**
 * Doubles with each run that failed, half of it left to chance, so that what failed together does not come back together.
 *
 * @param failed runs that failed so far, at least 1
 * @param random 0 to 1
 * @returns milliseconds
 */
export function restMs(failed: number, random: () => number): number {
  const most = Math.min(FIRST_MS * 2 ** (failed - 1), LONGEST_MS)
  return most / 2 + (most / 2) * random()
}
