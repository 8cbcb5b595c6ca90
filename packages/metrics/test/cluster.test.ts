import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ClusterMetrics, Counter, createRegistry, parseMetrics } from '../src/index.ts'

const registry = createRegistry()
const restarts = new Counter({ name: 'restarts_total', help: 'Restarts.', registers: [registry] })
let metrics: ClusterMetrics

beforeAll(() => {
  cluster.setupPrimary({ exec: path.join(import.meta.dirname, 'sample.ts'), execArgv: [], serialization: 'advanced' })
  metrics = new ClusterMetrics(cluster, registry)
})
const workers: Worker[] = []
afterEach(async () => {
  await Promise.all(workers.splice(0).map(end))
})
afterAll(() => {
  cluster.removeAllListeners()
})

/** The first message from now on that has a member of this name; others come between. */
function heard<T extends object>(worker: Worker, name: string): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>()
  const hear = (message: T) => {
    if (!(name in message)) return
    worker.off('message', hear)
    resolve(message)
  }
  worker.on('message', hear)
  return promise
}
async function start(): Promise<Worker> {
  const worker = cluster.fork()
  workers.push(worker)
  await heard(worker, 'up')
  return worker
}
async function end(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  const ended = once(worker, 'exit')
  worker.process.kill('SIGKILL')
  await ended
}
async function count(worker: Worker, by: number): Promise<void> {
  const counted = heard(worker, 'counted')
  worker.send({ count: by })
  await counted
}
/** A sample of the sum as a worker answers it. */
async function read(worker: Worker) {
  const answer = heard<{ text: string }>(worker, 'text')
  worker.send({ read: true })
  const samples = parseMetrics((await answer).text)
  return (name: string) => samples.find((sample) => sample.name === name)?.value
}

it('whichever worker is asked, the answer is the sum over all and the primary', async () => {
  const [one, two] = [await start(), await start()]
  await count(one, 3)
  await count(two, 20)
  restarts.inc()
  for (const worker of [one, two]) {
    const sum = await read(worker)
    expect([sum('jobs_total'), sum('jobs_waiting'), sum('job_seconds_sum'), sum('job_seconds_count')]).toEqual([
      23, 23, 23, 2,
    ])
    expect(sum('restarts_total')).toBe(1)
  }
})

it('sums what processes use, and does not sum when they started', async () => {
  const one = await start()
  await start()
  const own = parseMetrics(await registry.metrics())
  const mine = (name: string) => own.find((sample) => sample.name === name)?.value ?? 0
  const sum = await read(one)
  expect(sum('process_resident_memory_bytes')).toBeGreaterThan(mine('process_resident_memory_bytes') + 4e7)
  expect(sum('process_cpu_seconds_total')).toBeGreaterThan(mine('process_cpu_seconds_total'))
  expect(sum('process_start_time_seconds')).toBe(mine('process_start_time_seconds'))
  expect(sum('nodejs_version_info')).toBe(1)
})

it('keeps the counters and histograms of the dead as last seen, and forgets their gauges', async () => {
  const [one, two] = [await start(), await start()]
  const before = await read(one)
  await count(one, 5)
  await count(two, 7)
  expect((await read(one))('jobs_total')).toBe((before('jobs_total') ?? 0) + 12)
  // Nobody sees this before it dies.
  await count(two, 100)
  await end(two)
  const after = await read(one)
  expect(after('jobs_total')).toBe((before('jobs_total') ?? 0) + 12)
  expect(after('job_seconds_count')).toBe((before('job_seconds_count') ?? 0) + 2)
  expect(after('jobs_waiting')).toBe(5)
  const three = await start()
  await count(three, 1)
  expect((await read(three))('jobs_total')).toBe((before('jobs_total') ?? 0) + 13)
})

it('a worker that hangs counts as last seen, and holds the answer up for a second at most', async () => {
  const [one, two] = [await start(), await start()]
  const before = (await read(one))('jobs_total') ?? 0
  await count(two, 50)
  await metrics.sum()
  await count(two, 1)
  two.process.kill('SIGSTOP')
  const asked = performance.now()
  expect((await read(one))('jobs_total')).toBe(before + 50)
  expect(performance.now() - asked).toBeGreaterThan(900)
  two.process.kill('SIGCONT')
  await expect.poll(async () => (await read(one))('jobs_total')).toBe(before + 51)
})

it('a worker that dies while it is asked holds nothing up', async () => {
  const [one, two] = [await start(), await start()]
  two.process.kill('SIGSTOP')
  const answer = read(one)
  const asked = performance.now()
  await end(two)
  await answer
  expect(performance.now() - asked).toBeLessThan(900)
})
