import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, Gauge, Histogram, Registry } from '@spillway/metrics'
import { Value } from 'typebox/value'
import { expect, it, onTestFinished } from 'vitest'
import { Served } from '../run.ts'
import { type WatchedService, watch } from './watch.ts'

/** A service with a process of its own, whose metrics are counted here. */
async function service(name: string, role: string) {
  let registry = new Registry()
  const answers: Record<string, () => unknown> = {}
  const server = createServer(async (incoming, response) => {
    if (incoming.url === '/metrics') response.end(await registry.metrics())
    else if (incoming.url !== undefined && answers[incoming.url])
      response.end(JSON.stringify(answers[incoming.url]?.()))
    else response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  const entry: WatchedService = {
    name,
    role,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pid: sleeper().pid as number,
  }
  /** The metric of this name, made when it is first needed. */
  const metric = <T>(called: string, make: () => T): T => (registry.getSingleMetric(called) as T | undefined) ?? make()
  return {
    entry,
    answers,
    close: () => void server.close().closeAllConnections(),
    /** As if the process had begun anew. */
    restart() {
      registry = new Registry()
    },
    count(called: string, by: number, labels: Record<string, string> = {}) {
      const labelNames = Object.keys(labels)
      metric(called, () => new Counter({ name: called, help: called, labelNames, registers: [registry] })).inc(
        labels,
        by,
      )
    },
    observe(called: string, seconds: number, labels: Record<string, string> = {}) {
      const labelNames = Object.keys(labels)
      const make = () => new Histogram({ name: called, help: called, labelNames, registers: [registry] })
      metric(called, make).observe(labels, seconds)
    },
    set(called: string, value: number) {
      metric(called, () => new Gauge({ name: called, help: called, registers: [registry] })).set(value)
    },
  }
}
function sleeper(code = 'setInterval(() => {}, 1000)'): ChildProcess {
  const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}
async function begin(services: readonly { entry: WatchedService }[]) {
  const watching = await watch(services.map(({ entry }) => entry))
  onTestFinished(() => watching.abandon())
  return watching
}

const DURATION = 'http_server_request_duration_seconds'
const QUEUE = 'spillway_gateway_queue_duration_seconds'
const api = { http_route: '/data/:key' }

it('tells what was counted between beginning and end, by role and by gateway', async () => {
  const gateways = [await service('gateway-1', 'gateway'), await service('gateway-2', 'gateway')] as const
  const db = await service('db', 'db')
  const microservices = [
    await service('microservice-1', 'microservice'),
    await service('microservice-2', 'microservice'),
  ]
  const all = [...gateways, db, ...microservices]
  const work = () => {
    db.count('spillway_db_reads_total', 7, { kind: 'item' })
    db.count('spillway_db_reads_total', 100, { kind: 'page' })
    for (const microservice of microservices) microservice.count('spillway_microservice_computations_total', 5)
    for (const gateway of gateways) {
      gateway.observe(DURATION, 0.02, api)
      gateway.observe(DURATION, 0.04, { http_route: '/process' })
      for (const route of ['/ready', '/health', '/metrics']) gateway.observe(DURATION, 9, { http_route: route })
    }
    gateways[0].observe(QUEUE, 0.03)
    gateways[0].set('spillway_gateway_concurrency_limit', 2)
  }
  work()
  const watching = await begin(all)
  work()
  work()
  const served = await watching.end()
  expect(Value.Errors(Served, served)).toEqual([])
  expect(served).toMatchObject({ databaseReads: 14, computations: 20 })
  expect(served.gateways).toMatchObject([
    { name: 'gateway-1', requests: 4, average: expect.closeTo(30, 6), concurrency: 2 },
    { name: 'gateway-2', requests: 4, average: expect.closeTo(30, 6), concurrency: 0, waiting: 0 },
  ])
  const [first] = served.gateways
  expect((first?.running ?? 0) / (first?.waiting ?? 0)).toBeCloseTo(1, 5)
  expect(served.hops).toEqual([
    { role: 'gateway', requests: 8, average: expect.closeTo(30, 6) },
    { role: 'db', requests: 0, average: 0 },
    { role: 'microservice', requests: 0, average: 0 },
  ])
})

it('takes a counter that fell for one that began anew, and one that appeared for one from 0', async () => {
  const db = await service('db', 'db')
  const gateway = await service('gateway-1', 'gateway')
  db.count('spillway_db_reads_total', 1000, { kind: 'item' })
  for (let each = 0; each < 9; each++) gateway.observe(DURATION, 1, api)
  const watching = await begin([db, gateway])
  db.restart()
  gateway.restart()
  db.count('spillway_db_reads_total', 3, { kind: 'item' })
  gateway.observe(DURATION, 0.5, api)
  gateway.observe(DURATION, 0.25, { http_route: '/new' })
  const served = await watching.end()
  expect(served.databaseReads).toBe(3)
  expect(served.gateways[0]).toMatchObject({ requests: 2, average: 375 })
})

it('counts the gateways that are ready and that the balancer would choose', async () => {
  const [ready, unready, unchosen] = [
    await service('gateway-1', 'gateway'),
    await service('gateway-2', 'gateway'),
    await service('gateway-3', 'gateway'),
  ]
  const balancer = await service('balancer', 'balancer')
  const admin = await service('admin', 'admin')
  balancer.close()
  const entry = { ...balancer.entry, adminUrl: admin.entry.url }
  ready.answers['/ready'] = () => ({})
  unchosen.answers['/ready'] = () => ({})
  admin.answers['/upstreams'] = () => ({
    available: 2,
    endpoints: [
      { origin: ready.entry.url, available: true },
      { origin: unready.entry.url, available: true },
      { origin: unchosen.entry.url, available: false },
    ],
  })
  const gateways = [ready, unready, unchosen]
  expect((await (await begin([...gateways, { entry }])).end()).readyGateways).toBe(1)
  expect((await (await begin(gateways)).end()).readyGateways).toBe(2)
})

it('gives each second a row, with what each process used, PostgreSQL’s too', async () => {
  const db = await service('db', 'db')
  const spinning = sleeper('for (;;);')
  const postgres = { name: 'postgres', role: 'postgres', url: 'postgres://127.0.0.1:1/x', pid: spinning.pid as number }
  const watching = await begin([db, { entry: postgres }])
  await expect.poll(() => watching.seconds.length).toBeGreaterThanOrEqual(2)
  const served = await watching.end()
  const length = watching.seconds.length
  expect(watching.seconds.map(({ second }) => second)).toEqual(Array.from({ length }, (_, index) => index + 1))
  for (const { busy, processes } of watching.seconds) {
    expect(busy).toBeGreaterThan(0)
    expect(Object.keys(processes)).toEqual(['db', 'postgres'])
    // Not by how much: on a busy machine its share may be small.
    expect(processes['postgres']?.cores).toBeGreaterThan(processes['db']?.cores ?? 1)
    expect(processes['postgres']?.cores).toBeLessThan(1.2)
    expect(processes['db']?.memory).toBeGreaterThan(1e7)
  }
  expect(served.processes).toMatchObject([
    { name: 'db', role: 'db', count: 1 },
    { name: 'postgres', role: 'postgres', count: 1 },
  ])
  expect(served.processes[1]?.cores).toBeGreaterThan(served.processes[0]?.cores ?? 1)
  expect(served.hops.map(({ role }) => role)).toEqual(['db'])
})

it('knows no negative use of a process that ended meanwhile', async () => {
  const db = await service('db', 'db')
  const spinning = sleeper('for (;;);')
  const entry = { ...db.entry, pid: spinning.pid as number }
  const watching = await begin([{ entry }])
  await expect.poll(() => watching.seconds.length).toBeGreaterThanOrEqual(1)
  spinning.kill('SIGKILL')
  await once(spinning, 'exit')
  const served = await watching.end()
  expect(served.processes[0]?.cores).toBeGreaterThan(0)
  expect(Value.Errors(Served, served)).toEqual([])
})

it('says which service does not show its metrics', async () => {
  const db = await service('db', 'db')
  const watching = await begin([db])
  db.close()
  await expect(watching.end()).rejects.toThrow(`${db.entry.url}/metrics cannot be read`)
  await expect(watch([db.entry])).rejects.toThrow(`${db.entry.url}/metrics cannot be read`)
  const strange = await service('strange', 'cache')
  await expect(watch([{ ...strange.entry, url: `${strange.entry.url}/below` }])).rejects.toThrow('strange answers 404')
})
