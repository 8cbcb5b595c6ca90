/**
 * What one user has counted. Handing a number to k6 costs as much as a tenth of a request, so numbers are summed here
 * and handed over four times a second, and each time when the end is near.
 */
import type { Counter } from 'k6/metrics'

const EVERY_MS = 250
/** A user's last turn ends later than this before the end: turns follow each other within a few milliseconds. */
const NEAR_MS = 200

// This user's own, since k6 gives each a JavaScript world to itself.
const sums = new Map<Counter, number>()
let handedOver = 0

export function count(counter: Counter, amount = 1): void {
  sums.set(counter, (sums.get(counter) ?? 0) + amount)
}

/** At the end of each turn, with the time now and that of the end, in milliseconds since 1970. Whether it was done. */
export function handOver(now: number, until: number): boolean {
  if (now - handedOver < EVERY_MS && now < until - NEAR_MS) return false
  for (const [counter, sum] of sums) counter.add(sum)
  sums.clear()
  handedOver = now
  return true
}
