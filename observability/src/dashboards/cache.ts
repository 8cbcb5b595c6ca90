/** What the cache saves, and what it costs: both tiers, fills, purges. */
import type { Dashboard } from '../dashboard.ts'
import { chosen, rate, total } from '../promql.ts'

const READS = 'spillway_gateway_cache_reads_total'
const HITS = 'spillway_cache_hits_total'
const MISSES = 'spillway_cache_misses_total'

export const cache: Dashboard = {
  uid: 'cache',
  title: 'Spillway: Cache',
  description: 'Hits and misses in the gateways’ own memory and in the cache service, its size, leases and purges.',
  rows: [
    {
      title: 'Reads',
      panels: [
        {
          title: 'Reads by what became of them',
          description:
            'hit l1: the gateway’s own memory; hit l2: the cache service; miss: asked the origin; wait: shared another’s fill.',
          unit: 'reqps',
          traffic: true,
          stacked: true,
          width: 12,
          queries: [{ expr: rate('outcome, tier', READS), legend: '{{outcome}} {{tier}}' }],
        },
        {
          title: 'Hit ratio',
          description:
            'Hits of either tier, of all reads. It falls after a purge of much, and when keys outnumber the room.',
          unit: 'percentunit',
          traffic: true,
          width: 12,
          queries: [
            {
              expr: `${total(READS, 'outcome=~"hit|stale"')} / ${total(READS)}`,
              legend: 'hits',
            },
          ],
        },
      ],
    },
    {
      title: 'The cache service',
      panels: [
        {
          title: 'Lookups',
          description: 'A second. Only what missed a gateway’s own memory comes here.',
          unit: 'reqps',
          traffic: true,
          queries: [
            { expr: total(HITS), legend: 'hits' },
            { expr: total(MISSES), legend: 'misses' },
          ],
        },
        {
          title: 'Entries',
          description: 'How many there are now.',
          unit: 'short',
          traffic: true,
          queries: [{ expr: `sum(${chosen('spillway_cache_size')})`, legend: 'entries' }],
        },
        {
          title: 'Bytes',
          description: 'What entries take, in the service and in the gateways. At its bound the service evicts.',
          unit: 'bytes',
          traffic: true,
          queries: [
            { expr: `sum(${chosen('spillway_cache_bytes')})`, legend: 'cache service' },
            { expr: `sum by (instance) (${chosen('spillway_gateway_l1_bytes')})`, legend: 'l1 of {{instance}}' },
          ],
        },
        {
          title: 'Fills and waits',
          description: 'Leases: origin calls under way, one for each key. Waiting: those who share them.',
          unit: 'short',
          queries: [
            { expr: `sum(${chosen('spillway_cache_leases')})`, legend: 'leases' },
            { expr: `sum(${chosen('spillway_cache_waiting')})`, legend: 'waiting' },
          ],
        },
        {
          title: 'Sessions',
          description:
            'Gateways that are connected, and may use their own memory. Fewer than there are gateways: look why.',
          unit: 'short',
          queries: [{ expr: `sum(${chosen('spillway_cache_sessions')})`, legend: 'gateways' }],
        },
        {
          title: 'Gone',
          description: 'A second: thrown out for want of room, and removed past their time.',
          unit: 'short',
          queries: [
            { expr: total('spillway_cache_evictions_total'), legend: 'evicted' },
            { expr: total('spillway_cache_expired_total'), legend: 'expired' },
          ],
        },
        {
          title: 'Sweeping',
          description:
            'Of the service’s only thread: removing what has expired or was purged, in slices of 1 ms. After a large purge it rises for a moment.',
          unit: 'percentunit',
          queries: [{ expr: total('spillway_cache_sweep_seconds_total'), legend: 'sweeping' }],
        },
      ],
    },
    {
      title: 'Purges',
      panels: [
        {
          title: 'Purges',
          description: 'A second. Unconfirmed: a writer got 504, and old values may be served until they expire.',
          unit: 'reqps',
          traffic: true,
          width: 12,
          queries: [{ expr: rate('outcome', 'spillway_gateway_purges_total'), legend: '{{outcome}}' }],
        },
        {
          title: 'Purges not answered yet',
          description: 'Now. They wait for every gateway to confirm, or for its session to run out.',
          unit: 'short',
          width: 12,
          queries: [{ expr: `sum(${chosen('spillway_cache_purges_pending')})`, legend: 'pending' }],
        },
        {
          title: 'Stream lag',
          description:
            'How long the eldest purge has been under way that a gateway has not confirmed. Towards 2 s the gateway’s session ends.',
          unit: 's',
          queries: [
            {
              expr: `max by (gateway) (${chosen('spillway_cache_stream_lag_seconds')})`,
              legend: '{{gateway}}',
            },
          ],
        },
      ],
    },
  ],
}
