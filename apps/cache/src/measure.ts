/** The cache service's own metrics, read from where they are counted when somebody asks. */
import type { Ledger } from '@spillway/cache-client'
import { Gauge, type Registry, readings } from '@spillway/metrics'
import type { Store } from '@spillway/ttl-cache'
import type { Coherence } from './coherence.ts'

/** Gateways whose lag is told, those first that are furthest behind: whoever connects chooses the name. */
const MOST_LAGS = 100

/** Hits of all lookups, 0 to 1; 0 before the first. */
export function hitRate({ hits, misses }: { readonly hits: number; readonly misses: number }): number {
  return hits + misses === 0 ? 0 : hits / (hits + misses)
}

export function measure(registry: Registry, store: Store<object>, coherence: Coherence, ledger: Ledger): void {
  const { counter, gauge } = readings(registry)
  counter('spillway_cache_hits_total', 'Lookups answered with an entry.', () => coherence.lookups.hits)
  counter('spillway_cache_misses_total', 'All other lookups.', () => coherence.lookups.misses)
  counter(
    'spillway_cache_stale_total',
    'Lookups, of either kind, that found an entry no longer fresh.',
    () => coherence.lookups.stale,
  )
  counter('spillway_cache_collapsed_total', 'Misses that waited for another’s fill.', () => coherence.lookups.collapsed)
  counter('spillway_cache_evictions_total', 'Entries thrown out for want of room.', () => store.counters.evictions)
  counter('spillway_cache_expired_total', 'Entries removed past their time.', () => store.counters.expired)
  counter(
    'spillway_cache_sweep_seconds_total',
    'Spent removing what has expired or was purged, in slices of 1 ms.',
    () => store.counters.sweepMs / 1000,
  )
  gauge('spillway_cache_size', 'Entries now.', () => store.counters.size)
  gauge('spillway_cache_bytes', 'Bytes now, bookkeeping included.', () => store.counters.bytes)
  gauge('spillway_cache_hit_rate', 'Hits of all lookups since the start.', () => hitRate(coherence.lookups))
  gauge('spillway_cache_leases', 'Fills under way.', () => coherence.counts.leases)
  gauge('spillway_cache_waiting', 'Lookups that wait for a fill.', () => coherence.counts.waiting)
  gauge('spillway_cache_sessions', 'Gateways connected.', () => coherence.counts.sessions)
  gauge('spillway_cache_purges_pending', 'Purges not answered yet.', () => coherence.counts.purgesPending)
  counter('spillway_cache_limit_lent_total', 'Requests lent to gateways, of their limits.', () => ledger.lent)
  gauge('spillway_cache_limit_keys', 'Who is limited and remembered now.', () => ledger.size)
  measureLag(registry, coherence)
}

function measureLag(registry: Registry, coherence: Coherence): void {
  const lag = (name: string, help: string, of: (lag: Coherence['lags'][0]) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['gateway'] as const,
      registers: [registry],
      collect() {
        this.reset()
        const lags = coherence.lags.toSorted((a, b) => b.ms - a.ms).slice(0, MOST_LAGS)
        // Of two sessions with one name, the one before has not ended yet: the worse counts, and comes last.
        for (const each of lags.reverse()) this.set({ gateway: each.gateway }, of(each))
      },
    })
  lag('spillway_cache_stream_lag_purges', 'Purges that the gateway has not confirmed.', ({ purges }) => purges)
  lag(
    'spillway_cache_stream_lag_seconds',
    'How long the eldest purge that the gateway has not confirmed has been under way.',
    ({ ms }) => ms / 1000,
  )
}
