/** Randomness that can be had again: contenders meet the same arrivals and the same service times. */

/** Numbers from 0 to below 1, the same for the same seed: mulberry32 of Tommy Ettinger, in the public domain. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Exponentially distributed: the gaps of a Poisson process, or service times without a memory. */
export function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean
}
