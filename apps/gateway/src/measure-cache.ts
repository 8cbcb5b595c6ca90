/** What operators see of the shared cache: what became of reads and purges in `/metrics`, and its session in `/ready`. */
import { ageOf, type CacheClient, type Reading, type SharedCache } from '@spillway/cache-client'
import type { Check } from '@spillway/health'
import { Counter, type Registry, readings } from '@spillway/metrics'

/** A gateway without a session still answers, from the origin. */
export function cacheCheck(cache: CacheClient): Check {
  return () =>
    cache.state.live ? { status: 'ok' } : { status: 'degraded', detail: 'it does not answer; the log says why' }
}

/** The cache itself, counted. */
export function measureCache(cache: CacheClient, registry: Registry): SharedCache {
  const reads = new Counter({
    name: 'spillway_gateway_cache_reads_total',
    help: 'Reads by what became of them: hit or stale (tier l1 or l2), miss (asked the origin), wait (shared another’s fill), failed, uncacheable, pass.',
    labelNames: ['outcome', 'tier'] as const,
    registers: [registry],
    collect() {
      for (const outcome of ['hit', 'stale'] as const) {
        this.labels(outcome, 'l1').inc(peeked[outcome])
        peeked[outcome] = 0
      }
    },
  })
  /** Since they were last asked for: to count each at once would cost as much as finding its entry. */
  const peeked = { hit: 0, stale: 0 }
  const purges = new Counter({
    name: 'spillway_gateway_purges_total',
    help: 'Purges by whether every gateway confirmed them in time.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  })
  // A series that begins at 1 has not grown, for Prometheus: it would miss the first.
  for (const outcome of ['confirmed', 'unconfirmed'] as const) purges.labels(outcome).inc(0)
  readings(registry).gauge(
    'spillway_gateway_l1_bytes',
    'What the entries in this process take.',
    () => cache.counters.bytes,
  )
  return {
    async read(...question) {
      const reading = await cache.read(...question)
      reads.labels(outcomeOf(reading), 'tier' in reading ? reading.tier : '').inc()
      return reading
    },
    peek(key) {
      const entry = cache.peek(key)
      if (!entry) return undefined
      // Past both, it is no more than something to revalidate, and the read that follows is counted.
      const { fresh, whileRevalidate, ifError } = entry.windows
      const age = ageOf(entry, performance.now())
      if (age < fresh) peeked.hit++
      else if (age < whileRevalidate || (age < ifError && cache.isFailing(key))) peeked.stale++
      return entry
    },
    isFailing: (key) => cache.isFailing(key),
    refresh: (...question) => cache.refresh(...question),
    async purge(purge) {
      let outcome: 'confirmed' | 'unconfirmed' = 'unconfirmed'
      try {
        await cache.purge(purge)
        outcome = 'confirmed'
      } finally {
        purges.labels(outcome).inc()
      }
    },
    close: () => cache.close(),
  }
}

function outcomeOf(reading: Reading): string {
  if (reading.outcome !== 'filled' && reading.outcome !== 'begun') return reading.outcome
  return reading.collapsed ? 'wait' : 'miss'
}
