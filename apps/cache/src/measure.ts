/** The cache service's own metrics, read from where they are counted when somebody asks. */
import { Counter, Gauge, type Registry } from '@spillway/metrics'
import type { Counters, Store } from '@spillway/ttl-cache'
import type { Coherence } from './coherence.ts'

const COUNTED: Record<string, [of: keyof Counters, help: string]> = {
  spillway_cache_hits_total: ['hits', 'Lookups that found an entry.'],
  spillway_cache_misses_total: ['misses', 'Lookups that found none, or one past its time.'],
  spillway_cache_stale_total: ['stale', 'Lookups that found an entry past its time.'],
  spillway_cache_evictions_total: ['evictions', 'Entries thrown out for want of room.'],
  spillway_cache_expired_total: ['expired', 'Entries removed past their time.'],
}

/** Hits of all lookups, 0 to 1; 0 before the first. */
export function hitRate({ hits, misses }: Counters): number {
  return hits + misses === 0 ? 0 : hits / (hits + misses)
}

export function measure(registry: Registry, store: Store<object>, coherence: Coherence): void {
  for (const [name, [of, help]] of Object.entries(COUNTED)) {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(store.counters[of])
      },
    })
  }
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('spillway_cache_size', 'Entries now.', () => store.counters.size)
  gauge('spillway_cache_bytes', 'Bytes now, bookkeeping included.', () => store.counters.bytes)
  gauge('spillway_cache_hit_rate', 'Hits of all lookups since the start.', () => hitRate(store.counters))
  gauge('spillway_cache_leases', 'Fills under way.', () => coherence.counts.leases)
  gauge('spillway_cache_waiting', 'Lookups that wait for a fill.', () => coherence.counts.waiting)
  gauge('spillway_cache_sessions', 'Gateways connected.', () => coherence.counts.sessions)
  gauge('spillway_cache_purges_pending', 'Purges not answered yet.', () => coherence.counts.purgesPending)
}
