/** Prequal (Wydrowski et al., NSDI 2024): few requests in flight first, then low latency, as the endpoints say themselves. */
import type { Candidate, Policy } from './policy.ts'
import { RecentLoads } from './recent-loads.ts'
import { Report } from './report.ts'

/** Reports that are compared for a choice. */
const POOL = 16
/** Endpoints looked at anew for each choice. */
const PROBES = 3
/** Hot is who has more in flight than this share of those lately looked at. */
const HOT = 0.84

/**
 * The paper's pool and its numbers. Reports are free here: they come in `x-load` with each answer, and a pool entry is
 * always read with the newest. For an endpoint that says nothing, or nothing lately, our own measurements stand: so
 * there are always reports enough, where the paper chooses at random for want of two, and the silent are not left out.
 */
export function prequal(): Policy {
  const pool: Report[] = []
  /** Also of those that left the pool: how often they were chosen on their last word is to be known when they return. */
  const reports = new WeakMap<Candidate, Report>()
  const loads = new RecentLoads()
  let choices = 0
  /** The largest weight in the pool. */
  let heaviest = 1

  /** Neighbours from a random place on: a few different ones for one random number. */
  function look(candidates: readonly Candidate[], from: number, now: number): void {
    for (let probe = 0; probe < PROBES && probe < candidates.length; probe++) {
      const index = (from + probe) % candidates.length
      const candidate = candidates[index] as Candidate
      const report = reports.get(candidate) ?? new Report(candidate)
      reports.set(candidate, report)
      report.index = index
      if (!pool.includes(report)) pool.push(report)
      if (pool.length > POOL) pool.shift()
      report.read(now, heaviest)
      loads.add(report.load)
    }
  }

  return {
    choose(candidates, { now, random }) {
      forget(pool, candidates)
      look(candidates, Math.floor(random() * candidates.length), now)
      const hot = loads.quantile(HOT)
      let best = pool.reduce((one, other) => (other.candidate.weight > one.candidate.weight ? other : one))
      let worst = best
      heaviest = best.candidate.weight
      for (const report of pool) report.read(now, heaviest)
      for (const report of pool) {
        if (worst.before(report, hot)) worst = report
        // A lighter one takes part as often as its weight says: slow start is neither to keep all away nor to draw them.
        const { weight } = report.candidate
        if ((weight === heaviest || random() * heaviest < weight) && report.before(best, hot)) best = report
      }
      best.uses++
      // One leaves for each choice, or the pool would fill with those that are never chosen, or with old ones.
      pool.splice(choices++ % 2 === 0 ? 0 : pool.indexOf(worst), 1)
      return best.index
    },
  }
}

/** Drops what is no candidate this time, or was chosen often enough on one word. */
function forget(pool: Report[], candidates: readonly Candidate[]): void {
  // The paper's bound: 2 / ((1 - pool / n) x probes - 1 that leaves), at least 1. Few endpoints are looked at again anyway.
  const spare = (1 - POOL / candidates.length) * PROBES - 1
  const bound = spare > 0 ? Math.max(1, 2 / spare) : Number.POSITIVE_INFINITY
  for (let at = pool.length - 1; at >= 0; at--) {
    const { candidate, index, uses } = pool[at] as Report
    if (candidates[index] !== candidate || uses >= bound) pool.splice(at, 1)
  }
}
