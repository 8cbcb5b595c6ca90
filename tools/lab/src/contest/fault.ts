/** What is wrong with one of the four upstreams in the part "bad upstreams", and when. */

export const FAULTS = {
  slow: 'one upstream is ten times slower',
  failing: 'one upstream answers 500 at once',
  stalling: 'one upstream stalls for 1 s of every 10 s',
} as const
export type Fault = keyof typeof FAULTS

export const SLOWER = 10
const PERIOD_MS = 10_000
const STALL_MS = 1000
/** So early that the shortest load meets one. */
const FIRST_STALL_MS = 250

/** Milliseconds until a stalling upstream goes on, `elapsed` milliseconds after it began to be bad; 0 when it is awake. */
export function stallLeft(elapsed: number): number {
  const into = (elapsed - FIRST_STALL_MS) % PERIOD_MS
  return into >= 0 && into < STALL_MS ? STALL_MS - into : 0
}
