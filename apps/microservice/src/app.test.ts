import type { AddressInfo } from 'node:net'
import { createContext } from '@spillway/service'
import fc from 'fast-check'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { buildApp } from './app.ts'

/** One process's server on a port of its own. */
async function start(settings: { CACHE_TTL?: number; PROCESS_LATENCY?: number } = {}) {
  const context = createContext('microservice', { LOG_LEVEL: 'silent', INSTANCE: 'microservice-1' })
  const caching = { CACHE_TTL: 30_000, CACHE_STALE_WHILE_REVALIDATE: 10_000, CACHE_STALE_IF_ERROR: 60_000 }
  const app = await buildApp({ ...caching, PROCESS_LATENCY: 0, ...settings }, context)
  await app.listen({ port: 0, host: '127.0.0.1' })
  context.lifecycle.ready()
  const dispatcher = new Agent()
  onTestFinished(async () => {
    await dispatcher.destroy()
    await app.close()
  })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  return {
    app,
    async get(path: string, options: { headers?: Record<string, string>; signal?: AbortSignal } = {}) {
      const { statusCode, headers, body } = await request(url + path, { dispatcher, ...options })
      const text = await body.text()
      return { status: statusCode, headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
    },
    async metric(series: string): Promise<number | undefined> {
      const line = (await context.registry.metrics()).split('\n').find((each) => each.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length))
    },
  }
}
const COMPUTED = 'spillway_microservice_computations_total'

describe('/process', () => {
  it('answers for its key and size, and lets our caches keep it under its tags', async () => {
    const { get, metric } = await start()
    const answer = await get('/process?key=alpha&n=1000000')
    expect(answer.text).toMatch(/^\{"key":"alpha","n":1000000,"primes":78498,"durationMs":[\d.]+\}$/)
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'cache-control': 'private, no-cache',
        'cdn-cache-control': 'public, max-age=30, stale-while-revalidate=10, stale-if-error=60',
        'cache-tag': 'process:alpha, process',
        'x-served-by': 'microservice-1',
      },
    })
    expect((await get('/process?key=beta')).json).toMatchObject({ key: 'beta', n: 10_000, primes: 1229 })
    expect(await metric(COMPUTED)).toBe(2)
    expect(await metric('spillway_microservice_computation_duration_seconds_count')).toBe(2)
  })

  it('says no-store where CACHE_TTL is under a second', async () => {
    const { get } = await start({ CACHE_TTL: 999 })
    expect((await get('/process?key=a')).headers['cdn-cache-control']).toBe('no-store')
  })

  it.each([
    ['/process', 'key'],
    ['/process?n=5', 'key'],
    ['/process?key=', 'key'],
    ['/process?key=..', 'key'],
    ['/process?key=a/b', 'key'],
    [`/process?key=${'a'.repeat(129)}`, 'key'],
    ['/process?key=a&key=b', 'key'],
    ['/process?key=a&n=0', '/n must be a whole number from 1 to 5000000'],
    ['/process?key=a&n=5000001', '/n must be a whole number from 1 to 5000000'],
    ['/process?key=a&n=1.5', '/n must be a whole number from 1 to 5000000'],
    ['/process?key=a&n=many', '/n must be a whole number from 1 to 5000000'],
    ['/process?key=a&n=', '/n must be a whole number from 1 to 5000000'],
    ['/process?key=a&n=true', '/n must be a whole number from 1 to 5000000'],
    ['/process?key=a&n=1&n=2', '/n'],
    ['/process?key=a&m=1', 'additional'],
  ])('refuses %s, saying why, and lets nobody keep that', async (path, why) => {
    const { get, metric } = await start()
    const { status, json, headers } = await get(path)
    expect([status, json.code]).toEqual([400, 'validation_failed'])
    expect(json.detail).toContain(why)
    expect(headers).toMatchObject({ 'cache-control': 'private, no-cache', 'cdn-cache-control': 'no-store' })
    expect(await metric(COMPUTED)).toBe(0)
  })

  it('answers 200 or 400 to whatever is asked', async () => {
    const { app } = await start()
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.webQueryParameters(), fc.stringMatching(/^[\w.~-]{1,9}$/))
    const size = fc.oneof(fc.integer({ min: -5, max: 20_000 }).map(String), fc.double().map(String), text)
    await fc.assert(
      fc.asyncProperty(text, size, async (key, n) => {
        const url = `/process?key=${encodeURIComponent(key.toWellFormed())}&n=${encodeURIComponent(n.toWellFormed())}`
        const { statusCode, payload } = await app.inject(url)
        const { code, key: echoed } = JSON.parse(payload)
        expect(statusCode === 200 ? echoed === key : statusCode === 400 && code === 'validation_failed').toBe(true)
      }),
    )
  })

  it('refuses more than may wait, for a second', async () => {
    const { app } = await start()
    const answers = await Promise.all([
      app.inject('/process?key=a&n=5000000'),
      ...Array.from({ length: 1200 }, () => app.inject('/process?key=a&n=1')),
    ])
    const refused = answers.filter(({ statusCode }) => statusCode !== 200)
    expect(refused.length).toBeGreaterThan(0)
    for (const { statusCode, headers, payload } of refused) {
      expect([statusCode, JSON.parse(payload).code]).toEqual([503, 'microservice_busy'])
      expect(headers).toMatchObject({ 'retry-after': '1', 'cdn-cache-control': 'no-store' })
    }
  })

  it('waits PROCESS_LATENCY without computing, and no longer than its caller', async () => {
    const { get, metric } = await start({ PROCESS_LATENCY: 3_600_000 })
    const late = await get('/process?key=a', { headers: { 'x-timeout-ms': '30' } })
    expect([late.status, late.json.code]).toEqual([504, 'microservice_timeout'])
    expect(late.headers['cdn-cache-control']).toBe('no-store')
    const leaving = new AbortController()
    const left = get('/process?key=a', { signal: leaving.signal })
    await expect.poll(() => metric('http_server_active_requests')).toBe(1)
    expect((await get('/stress-test')).status).toBe(200)
    leaving.abort()
    await expect(left).rejects.toThrow()
    await expect.poll(() => metric('http_server_active_requests')).toBe(0)
    expect(await metric(COMPUTED)).toBe(0)
  })

  it('computes nothing more for those who left', async () => {
    const { get, metric } = await start()
    const leaving = new AbortController()
    const all = Array.from({ length: 100 }, () => get('/process?key=a&n=5000000', { signal: leaving.signal }))
    const settled = Promise.allSettled(all)
    await expect.poll(() => metric('http_server_active_requests'), { interval: 1 }).toBeGreaterThan(50)
    leaving.abort()
    await settled
    expect((await get('/process?key=b&n=10')).json).toMatchObject({ primes: 4 })
    await expect.poll(() => metric('http_server_active_requests')).toBe(0)
    expect(await metric('spillway_microservice_waiting')).toBe(0)
    expect(await metric(COMPUTED)).toBeLessThan(60)
  })
})

describe('the rest', () => {
  it('/stress-test does the same work each time, never cached', async () => {
    const { get, metric } = await start()
    const { status, json, headers } = await get('/stress-test')
    expect(status).toBe(200)
    expect(json).toEqual({ n: 3_000_000, primes: 216_816, durationMs: expect.any(Number), pid: process.pid })
    expect(headers['cache-control']).toBe('no-store')
    expect(await metric(COMPUTED)).toBe(0)
  })

  it('/ says who answers', async () => {
    const { get } = await start()
    const { json, headers } = await get('/')
    expect(json).toEqual({ service: 'microservice', instance: 'microservice-1', pid: process.pid })
    expect(headers['cache-control']).toBe('no-store')
  })

  it('/ready is answered while computations run', async () => {
    const { get } = await start()
    const all = Promise.all(Array.from({ length: 50 }, () => get('/process?key=a&n=5000000')))
    const order: string[] = []
    void all.then(() => order.push('computed'))
    await get('/ready')
    order.push('ready')
    await all
    expect(order).toEqual(['ready', 'computed'])
  })
})
