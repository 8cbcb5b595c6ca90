/** Jobs behind the front door: accepted by any worker, run by any, lost by none. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, Stack, send, until } from './stack.ts'

let stack: Stack
let token: string
beforeAll(async () => {
  stack = await Stack.up({ WORKERS: '2' })
  token = await stack.token()
})
afterAll(() => stack?.down())

const post = (json: object, headers: Record<string, string> = {}) =>
  send(stack.url('/longtask'), { method: 'POST', token, json, headers })
const job = async (location: string) => (await send(stack.url(location), { token })).json()
const place = ({ headers }: Answer) => headers['location'] as string

async function ended(location: string, withinMs?: number) {
  const over = async () => !['queued', 'running'].includes((await job(location)).state)
  await until(`${location} has ended`, over, withinMs)
  return job(location)
}

describe('a job', () => {
  it('is accepted with its place, and found there with its result', async () => {
    const accepted = await post({ task: 'primes', n: 1_000_000 })
    expect(accepted.status).toBe(202)
    expect(accepted.headers).toMatchObject({ location: expect.stringMatching(/^\/longtask\/[0-9a-f-]{36}$/) })
    expect(accepted.headers).toHaveProperty('retry-after')
    expect(await ended(place(accepted))).toMatchObject({
      state: 'succeeded',
      progress: 1,
      result: { primes: 78_498 },
    })
  })

  it('reports on all items', async () => {
    const report = await ended(place(await post({ task: 'report' })))
    expect(report.state).toBe('succeeded')
    expect(JSON.stringify(report.result)).toContain('alpha')
  })

  it('is its owner’s alone', async () => {
    const location = place(await post({ task: 'sleep', ms: 1 }))
    const other = { token: await stack.token('editor') }
    expect((await send(stack.url(location), other)).status).toBe(404)
    expect((await send(stack.url(location), { ...other, method: 'DELETE' })).status).toBe(404)
    expect((await send(stack.url(location))).status).toBe(401)
  })

  it('is refused with the name of what is wrong', async () => {
    const refused = await post({ task: 'sleep', ms: -1 })
    expect(refused.status).toBe(400)
    expect(refused.text).toMatch(/ms/)
  })

  it('is cancelled while it runs', async () => {
    const location = place(await post({ task: 'sleep', ms: 60_000 }))
    await until('it runs', async () => (await job(location)).state === 'running')
    const cancelled = await send(stack.url(location), { method: 'DELETE', token })
    expect(cancelled.status).toBeLessThan(300)
    expect(await ended(location)).toMatchObject({ state: 'cancelled' })
  })
})

describe('a worker killed with SIGKILL in mid-job', () => {
  it('has its job run again within 15 s', { timeout: 60_000 }, async () => {
    // One for each place of each worker, so that whichever dies has some.
    const locations = (await Promise.all(Array.from({ length: 4 }, () => post({ task: 'sleep', ms: 4_000 })))).map(
      place,
    )
    await until('they run', async () =>
      (await Promise.all(locations.map(job))).every(({ state }) => state === 'running'),
    )
    for (const worker of await stack.services('worker')) process.kill(worker.pid, 'SIGKILL')
    const killed = performance.now()
    const again = async () => (await Promise.all(locations.map(job))).every(({ attempt }) => attempt === 2)
    await until('they run again', again, 20_000)
    expect(performance.now() - killed).toBeLessThan(15_000)
    for (const location of locations) expect(await ended(location)).toMatchObject({ state: 'succeeded', attempt: 2 })
  })
})

describe('make metrics', () => {
  it('sums over replicas what the services counted', async () => {
    for (let read = 0; read < 4; read++) await send(stack.url('/data/alpha'), { token })
    const shown = await stack.make('metrics')
    expect(shown).toMatch(/cache hits +[1-9]/)
    expect(shown).toMatch(/cache misses +[1-9]/)
    expect(shown).toMatch(/cache hit rate +[\d.]+ %/)
    expect(shown).toMatch(/\/data +[1-9]\d* requests, [\d.]+ ms on average/)
    expect(shown).toMatch(/tasks +[1-9]\d* succeeded/)
    for (const name of ['gateway-1', 'gateway-2', 'gateway-3']) {
      expect(shown).toMatch(new RegExp(`${name} +[1-9]\\d* +[\\d.]+ ms +100.00 % +in use`))
    }
  })
})
