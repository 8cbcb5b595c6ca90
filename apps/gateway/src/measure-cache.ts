/** Counts what became of reads and purges through the shared cache, as `/metrics` tells it. */
import type { Reading, SharedCache } from '@spillway/cache-client'
import { Counter, type Registry } from '@spillway/metrics'

/** The cache itself, counted. */
export function measureCache(cache: SharedCache, registry: Registry): SharedCache {
  const reads = new Counter({
    name: 'spillway_gateway_cache_reads_total',
    help: 'Reads by what became of them: hit (tier l1 or l2), miss (asked the origin), wait (shared another’s fill), failed, uncacheable, pass.',
    labelNames: ['outcome', 'tier'] as const,
    registers: [registry],
  })
  const l1Hits = reads.labels('hit', 'l1')
  const purges = new Counter({
    name: 'spillway_gateway_purges_total',
    help: 'Purges by whether every gateway confirmed them in time.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  })
  return {
    async read(...parameters) {
      const reading = await cache.read(...parameters)
      reads.labels(outcomeOf(reading), reading.outcome === 'hit' ? reading.tier : '').inc()
      return reading
    },
    peek(key) {
      const entry = cache.peek(key)
      if (entry) l1Hits.inc()
      return entry
    },
    async purge(purge) {
      let outcome = 'unconfirmed'
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
  if (reading.outcome !== 'filled') return reading.outcome
  return reading.collapsed ? 'wait' : 'miss'
}
