import { Registry } from 'prom-client'
import type { Dispatcher } from 'undici'
import { expect, it } from 'vitest'
import { measureUpstreams } from './upstreams.ts'

const endpoint = (origin: string, more: object = {}) => ({
  origin,
  condition: 'up',
  intent: 'active',
  available: true,
  inFlight: 1,
  requests: 7,
  failures: 2,
  latencyMs: undefined as number | undefined,
  ...more,
})

async function series(registry: Registry): Promise<string[]> {
  const text = await registry.metrics()
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

it('several clusters are measured in one registry', async () => {
  const registry = new Registry()
  const measure = measureUpstreams(registry)
  measure('db', () => [endpoint('http://a', { latencyMs: 20 })])
  measure('worker', () => [endpoint('http://b', { condition: 'down', available: false })])
  expect(await series(registry)).toEqual([
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
    'spillway_upstream_retries_total{upstream="db"} 0',
    'spillway_upstream_retries_total{upstream="worker"} 0',
  ])
})

it('an endpoint that left is no series any more; the others’ totals go on', async () => {
  const registry = new Registry()
  let endpoints = [endpoint('http://a'), endpoint('http://b')]
  const { transition } = measureUpstreams(registry)('db', () => endpoints)
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

it('a request is counted as retried when it comes again with the endpoints that had it', async () => {
  const registry = new Registry()
  const { countRetries } = measureUpstreams(registry)('db', () => [])
  const sent: Dispatcher.DispatchOptions[] = []
  const dispatch = countRetries((options) => sent.push(options) > 0)
  for (const tried of [[], undefined, ['http://a']]) {
    const options: Dispatcher.DispatchOptions & { exchange: object } = { path: '/', method: 'GET', exchange: { tried } }
    dispatch(options, {})
  }
  expect(sent).toHaveLength(3)
  expect(await series(registry)).toEqual(['spillway_upstream_retries_total{upstream="db"} 1'])
})
