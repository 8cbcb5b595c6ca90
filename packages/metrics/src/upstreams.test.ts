import { readFileSync } from 'node:fs'
import type { EndpointView } from '@spillway/upstreams'
import { AggregatorRegistry, Registry } from 'prom-client'
import type { Dispatcher } from 'undici'
import { expect, it } from 'vitest'
import { measureUpstreams } from './upstreams.ts'

const endpoint = (origin: string, more: Partial<EndpointView> = {}): EndpointView => ({
  origin,
  drained: false,
  reason: undefined,
  ejectedForS: undefined,
  weight: 1,
  ramp: 1,
  backup: false,
  max: undefined,
  condition: 'up',
  intent: 'active',
  available: true,
  inFlight: 1,
  requests: 7,
  failures: 2,
  latencyMs: undefined,
  ...more,
})

const coarse = { boundsMs: [1, 10], counts: [3, 0, 2] }
const heads = { ...coarse, coarse, sumMs: 2500 }

/** A cluster with these endpoints, each of which has opened three connections. */
const cluster = (endpoints: () => EndpointView[]) => () => ({
  endpoints,
  stats: () => ({
    inFlight: 1,
    pending: 4,
    rejected: { connections: 0, pending: 2, requests: 0 },
    ejections: { '5 failures in a row': 1 },
    retriesLeft: 100,
    lookups: { answered: 5, failed: 1 },
    endpoints: endpoints().map(({ origin }) => ({ origin, opened: 3, connections: 2, heads })),
  }),
})

async function series(registry: Registry): Promise<string[]> {
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

it('several clusters are measured in one registry', async () => {
  const registry = new Registry()
  const measure = measureUpstreams(registry)
  measure(
    'db',
    cluster(() => [endpoint('http://a', { latencyMs: 20 })]),
  )
  measure(
    'worker',
    cluster(() => [endpoint('http://b', { condition: 'down', available: false })]),
  )
  const of = async (...names: string[]) => {
    const all = await series(registry)
    return names.flatMap((name) => all.filter((line) => line.startsWith(`spillway_upstream_${name}{`)))
  }
  expect(
    await of('condition', 'available', 'in_flight', 'latency_seconds', 'requests_total', 'failures_total'),
  ).toEqual([
    'spillway_upstream_condition{upstream="db",endpoint="http://a",condition="up",intent="active"} 1',
    'spillway_upstream_condition{upstream="worker",endpoint="http://b",condition="down",intent="active"} 1',
    'spillway_upstream_available{upstream="db",endpoint="http://a"} 1',
    'spillway_upstream_available{upstream="worker",endpoint="http://b"} 0',
    'spillway_upstream_in_flight{upstream="db",endpoint="http://a"} 1',
    'spillway_upstream_in_flight{upstream="worker",endpoint="http://b"} 1',
    'spillway_upstream_latency_seconds{upstream="db",endpoint="http://a"} 0.02',
    'spillway_upstream_requests_total{upstream="db",endpoint="http://a"} 7',
    'spillway_upstream_requests_total{upstream="worker",endpoint="http://b"} 7',
    'spillway_upstream_failures_total{upstream="db",endpoint="http://a"} 2',
    'spillway_upstream_failures_total{upstream="worker",endpoint="http://b"} 2',
  ])
  expect(await of('connections', 'connections_opened_total', 'retry_budget', 'lookups_total')).toEqual([
    'spillway_upstream_connections{upstream="db",endpoint="http://a"} 2',
    'spillway_upstream_connections{upstream="worker",endpoint="http://b"} 2',
    'spillway_upstream_connections_opened_total{upstream="db",endpoint="http://a"} 3',
    'spillway_upstream_connections_opened_total{upstream="worker",endpoint="http://b"} 3',
    'spillway_upstream_retry_budget{upstream="db"} 100',
    'spillway_upstream_retry_budget{upstream="worker"} 100',
    'spillway_upstream_lookups_total{upstream="db",outcome="answered"} 5',
    'spillway_upstream_lookups_total{upstream="db",outcome="failed"} 1',
    'spillway_upstream_lookups_total{upstream="worker",outcome="answered"} 5',
    'spillway_upstream_lookups_total{upstream="worker",outcome="failed"} 1',
  ])
  const db = (await of('pending', 'rejected_total', 'ejections_total')).filter((line) => line.includes('"db"'))
  expect(db).toEqual([
    'spillway_upstream_pending{upstream="db"} 4',
    'spillway_upstream_rejected_total{upstream="db",limit="connections"} 0',
    'spillway_upstream_rejected_total{upstream="db",limit="pending"} 2',
    'spillway_upstream_rejected_total{upstream="db",limit="requests"} 0',
    'spillway_upstream_ejections_total{upstream="db",reason="5 failures in a row"} 1',
  ])
  const a = 'upstream="db",endpoint="http://a"'
  expect((await series(registry)).filter((line) => line.includes('head_seconds') && line.includes(a))).toEqual([
    `spillway_upstream_head_seconds_bucket{${a},le="0.001"} 3`,
    `spillway_upstream_head_seconds_bucket{${a},le="0.01"} 3`,
    `spillway_upstream_head_seconds_bucket{${a},le="+Inf"} 5`,
    `spillway_upstream_head_seconds_sum{${a}} 2.5`,
    `spillway_upstream_head_seconds_count{${a}} 5`,
  ])
})

it('what is read is what prom-client takes for metrics of its own, alone and summed over processes', async () => {
  const registry = new Registry()
  measureUpstreams(registry)(
    'db',
    cluster(() => [endpoint('http://a')]),
  )
  const snapshot = await registry.getMetricsAsJSON()
  const sum = await AggregatorRegistry.aggregate([snapshot, snapshot]).metrics()
  expect(sum).toContain('spillway_upstream_head_seconds_bucket{upstream="db",endpoint="http://a",le="+Inf"} 10')
  expect(sum).toContain('spillway_upstream_requests_total{upstream="db",endpoint="http://a"} 14')
  expect(await registry.metrics()).toContain('# TYPE spillway_upstream_head_seconds histogram\n')
})

it('a cluster that is not there at the time has nothing to read', async () => {
  const registry = new Registry()
  measureUpstreams(registry)('db', () => undefined)
  expect((await series(registry)).filter((line) => !line.includes('retries_total'))).toEqual([])
})

it('an endpoint that left is no series any more; the others’ totals go on', async () => {
  const registry = new Registry()
  let endpoints = [endpoint('http://a'), endpoint('http://b')]
  const { transition } = measureUpstreams(registry)(
    'db',
    cluster(() => endpoints),
  )
  const change = (origin: string, from: string, to: string) =>
    transition({ endpoint: origin, from, to, reason: 'so it is' })
  for (const origin of ['http://a', 'http://b']) {
    change(origin, 'absent', 'starting')
    change(origin, 'starting', 'up')
  }
  change('http://b', 'up', 'down')
  change('http://b', 'down', 'up')
  change('http://b', 'up', 'down')
  const totals = async () => (await series(registry)).filter((line) => line.includes('transitions_total'))
  const ofB = (from: string, to: string, count: number) =>
    `spillway_upstream_transitions_total{upstream="db",endpoint="http://b",from="${from}",to="${to}",reason="so it is"} ${count}`
  expect(await totals()).toHaveLength(6)
  change('http://a', 'up', 'absent')
  endpoints = endpoints.slice(1)
  expect(await series(registry)).not.toContainEqual(expect.stringContaining('http://a'))
  expect(await totals()).toEqual([
    ofB('absent', 'starting', 1),
    ofB('starting', 'up', 1),
    ofB('up', 'down', 2),
    ofB('down', 'up', 1),
  ])
})

it('a request is counted as retried when it comes again with the endpoints that had it, by why', async () => {
  const registry = new Registry()
  const { countRetries } = measureUpstreams(registry)('db', () => undefined)
  const sent: Dispatcher.DispatchOptions[] = []
  const dispatch = countRetries((options) => sent.push(options) > 0)
  const tried = ['http://a']
  for (const exchange of [{ tried: [] }, {}, { tried, error: 'connection_refused' }, { tried }, { tried }]) {
    const options: Dispatcher.DispatchOptions & { exchange: object } = { path: '/', method: 'GET', exchange }
    dispatch(options, {})
  }
  expect(sent).toHaveLength(5)
  expect(await series(registry)).toEqual([
    'spillway_upstream_retries_total{upstream="db",reason="connection_refused"} 1',
    'spillway_upstream_retries_total{upstream="db",reason="connection_terminated"} 0',
    'spillway_upstream_retries_total{upstream="db",reason="http_response_timeout"} 0',
    'spillway_upstream_retries_total{upstream="db",reason="retry_after"} 2',
  ])
})

it('every one is documented', () => {
  const docs = readFileSync(new URL('../../../docs/upstreams.md', import.meta.url), 'utf8')
  const table = docs.slice(docs.indexOf('## Metrics'))
  const registry = new Registry()
  measureUpstreams(registry)
  const names = registry.getMetricsAsArray().map(({ name }) => name.replace('spillway_upstream_', ''))
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(table).toContain(`\`${name}\``)
})
