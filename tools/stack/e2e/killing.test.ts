/** Killing things under load loses nothing that it must not lose. One stack, whole again before each test. */
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { jobClient } from './job-client.ts'
import { type Service, Stack, send, until } from './stack.ts'
import { steadyLoad } from './steady-load.ts'

let stack: Stack
let token: string
beforeAll(async () => {
  stack = await Stack.up({ MICROSERVICES: '2', PROCESSES: '2', WORKERS: '2' })
  token = await stack.token()
})
beforeEach(() => stack.whole())
afterAll(() => stack?.down())

/** Each of 64 connections asks every 128 ms: 500 requests a second. */
const steadyReads = () =>
  steadyLoad({
    url: stack.url(),
    token,
    connections: 64,
    everyMs: 128,
    path: (n) => `/data/${['alpha', 'beta', 'gamma', 'delta'][n % 4]}`,
  })

describe('a gateway killed with SIGKILL five times under steady load', () => {
  it('costs not one read, and returns to rotation', { timeout: 120_000 }, async () => {
    const load = steadyReads()
    for (let kill = 0; kill < 5; kill++) {
      const victim = (await stack.services('gateway'))[kill % 3] as Service
      process.kill(victim.pid, 'SIGKILL')
      await until(`${victim.name} is started again`, async () => (await stack.service(victim.name)).pid !== victim.pid)
      load.servers.delete(victim.name)
      await until(`${victim.name} serves again`, async () => (load.servers.get(victim.name) ?? 0) > 5, 30_000)
    }
    const rate = await load.stop()
    expect(load.failures).toEqual([])
    expect(rate).toBeGreaterThan(300)
  })
})

describe('the balancer', () => {
  it('followed by another one, three times under steady load, costs not one read', { timeout: 60_000 }, async () => {
    const load = steadyReads()
    for (let n = 0; n < 3; n++) {
      const { pid } = await stack.service('balancer')
      expect(await stack.make('restart-balancer')).toMatch(/^Process \d+ took over/)
      expect((await stack.service('balancer')).pid).not.toBe(pid)
    }
    await load.stop()
    expect(load.failures).toEqual([])
  })

  it('killed with SIGKILL refuses nobody: who comes waits for the next one', async () => {
    process.kill((await stack.service('balancer')).pid, 'SIGKILL')
    const { promise: all, resolve, reject } = Promise.withResolvers<number[]>()
    const statuses: number[] = []
    for (let n = 0; n < 20; n++) {
      // Each over a connection of its own: those that were open die with the process.
      get(stack.url('/data/alpha'), { agent: false, headers: { authorization: `Bearer ${token}` } }, (answer) => {
        answer.resume()
        if (statuses.push(answer.statusCode ?? 0) === 20) resolve(statuses)
      }).on('error', reject)
    }
    expect(new Set(await all)).toEqual(new Set([200]))
  })
})

describe('the cache service killed', () => {
  it('lets reads and writes go on, and is used again when it is back', { timeout: 60_000 }, async () => {
    const editor = await stack.token('editor')
    const load = steadyReads()
    const killed = await stack.service('cache')
    process.kill(killed.pid, 'SIGKILL')
    for (let round = 0; round < 5; round++) {
      const write = await send(stack.url('/data/through'), { method: 'PUT', token: editor, json: { value: round } })
      expect(write.status).toBeLessThan(300)
      for (const gateway of await stack.services('gateway')) {
        expect((await send(`${gateway.url}/data/through`, { token })).json().value).toBe(round)
      }
    }
    await until('the cache is started again', async () => (await stack.service('cache')).pid !== killed.pid)
    await until('hits come back', async () =>
      /hit/.test((await send(stack.url('/data/alpha'), { token })).headers['cache-status'] ?? ''),
    )
    await load.stop()
    expect(load.failures).toEqual([])
  })
})

describe('a gateway stopped with SIGSTOP', () => {
  it('keeps no write waiting longer than 3 s, and serves no old value when it goes on', async () => {
    const editor = await stack.token('editor')
    const put = (url: string, key: string, value: unknown) =>
      send(`${url}/data/${key}`, { method: 'PUT', token: editor, json: { value } })
    const get = (url: string, key: string) => send(`${url}/data/${key}`, { token })
    const gateway = (await stack.services('gateway'))[2] as Service
    await put(stack.url(), 'stopped', 'old')
    await get(gateway.url, 'stopped')
    await get(gateway.url, 'stopped')
    const other = (await stack.services('gateway'))[0] as Service
    process.kill(gateway.pid, 'SIGSTOP')
    try {
      const started = performance.now()
      expect((await put(other.url, 'stopped', 'new')).status).toBe(200)
      expect(performance.now() - started).toBeLessThan(3000)
    } finally {
      process.kill(gateway.pid, 'SIGCONT')
    }
    const seen = await Promise.all(
      Array.from({ length: 20 }, async () => (await get(gateway.url, 'stopped')).json().value),
    )
    expect(new Set(seen)).toEqual(new Set(['new']))
  })
})

describe('a process of a microservice killed with SIGKILL under load', () => {
  it('costs not one answer, and is replaced', { timeout: 60_000 }, async () => {
    const primary = (await stack.services('microservice'))[0] as Service
    const children = () =>
      readFileSync(`/proc/${primary.pid}/task/${primary.pid}/children`, 'utf8').trim().split(' ').map(Number)
    const load = steadyLoad({
      url: stack.url(),
      token,
      connections: 16,
      everyMs: 0,
      path: (n) => `/process?key=steady-${n}`,
    })
    for (let kill = 0; kill < 3; kill++) {
      const before = children()
      expect(before).toHaveLength(2)
      process.kill(before[0] as number, 'SIGKILL')
      const asked = load.sent()
      await until('it is replaced', async () => {
        const now = children()
        return now.length === 2 && !now.includes(before[0] as number)
      })
      await until('the load goes on', async () => load.sent() > asked + 50)
    }
    await load.stop()
    expect(load.failures).toEqual([])
    expect((await stack.service('microservice-1')).pid).toBe(primary.pid)
  })
})

describe('a worker killed with SIGKILL in mid-job', () => {
  it('has its job run again within 15 s', { timeout: 60_000 }, async () => {
    // One for each place of each worker, so that whichever dies has some.
    const client = jobClient(stack, token)
    const locations = await Promise.all(Array.from({ length: 4 }, () => client.submit({ task: 'sleep', ms: 4_000 })))
    await until('they run', async () =>
      (await Promise.all(locations.map(client.look))).every(({ state }) => state === 'running'),
    )
    for (const worker of await stack.services('worker')) process.kill(worker.pid, 'SIGKILL')
    const killed = performance.now()
    const again = async () => (await Promise.all(locations.map(client.look))).every(({ attempt }) => attempt === 2)
    await until('they run again', again, 20_000)
    expect(performance.now() - killed).toBeLessThan(15_000)
    for (const location of locations)
      expect(await client.ended(location)).toMatchObject({ state: 'succeeded', attempt: 2 })
  })
})
