/** Randomness that can be had again, and what is drawn with it: for simulations, tests and loads. */

/** Numbers as `Math.random` makes them, always the same ones for a seed (mulberry32 by Tommy Ettinger, public domain). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Exponential with that mean: the gaps between arrivals that know nothing of each other, or work that is often short. */
export function exponential(mean: number): (random: () => number) => number {
  return (random) => -Math.log(1 - random()) * mean
}

/** The value that `share` (0 to 1) of them do not exceed; NaN where there are none. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
