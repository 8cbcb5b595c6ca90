/** Slow start: an endpoint that comes up among others at work is given little at first: its caches and pools are cold. */

/** Share of its weight that counts at once, so that it has requests to warm up by. */
const FIRST = 0.1
/** Milliseconds until all of it counts (HAProxy's `slowstart`, which is linear too and has no default). */
const LASTS = 30_000

/** How much of the weight of an endpoint that came up at `since` counts at `now`, 0.1 to 1. Milliseconds on one clock. */
export function ramp(since: number, now: number): number {
  return Math.min(1, FIRST + ((1 - FIRST) * Math.max(0, now - since)) / LASTS)
}
