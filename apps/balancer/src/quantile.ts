/** Quantiles out of a histogram's buckets, as Prometheus' `histogram_quantile` has them. */

/**
 * Values are taken to lie evenly within their bucket; those beyond the last bound, at it. Undefined without values.
 * @param counts one more than there are bounds: how many fell into each bucket
 * @param bounds rising; the first bucket begins at 0
 * @param q from 0 to 1
 */
export function quantile(counts: readonly number[], bounds: readonly number[], q: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  const rank = q * total
  let below = 0
  for (const [at, upper] of bounds.entries()) {
    const count = counts[at] ?? 0
    const lower = bounds[at - 1] ?? 0
    if (count > 0 && below + count >= rank) return round(lower + ((rank - below) / count) * (upper - lower))
    below += count
  }
  return bounds.at(-1)
}

function round(ms: number): number {
  return Number(ms.toFixed(3))
}
