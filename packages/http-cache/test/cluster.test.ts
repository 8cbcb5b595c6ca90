import { createCacheClient } from '@spillway/cache-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CacheService } from './cache-service.ts'
import { until, World } from './world.ts'

type Gateway = World<ReturnType<typeof createCacheClient>>

let service: CacheService
let a: Gateway
let b: Gateway

const logger = { info() {}, warn() {} }
const fresh = { 'cdn-cache-control': 'public, max-age=30', 'cache-tag': 'item' }

beforeEach(async () => {
  service = await CacheService.start()
  // A loaded machine is not to be taken for a cache that is away.
  const client = (instance: string) => createCacheClient({ url: service.url, instance, logger, verdictMs: 10_000 })
  a = await World.open(client('a'))
  b = a.beside(client('b'))
  await until(() => a.cache.state.live && b.cache.state.live)
})
afterEach(async () => {
  await b.close()
  await a.close()
  await service.kill()
})

function answering(body: string, headers: Record<string, string> = fresh, status = 200) {
  a.respond = (_, response) => response.writeHead(status, headers).end(body)
}

/** The next request to the origin, held until it is answered. */
function holding(): Promise<(body: string, headers?: Record<string, string>, status?: number) => void> {
  return new Promise((resolve) => {
    a.respond = (_, response) =>
      resolve((body, headers = fresh, status = 200) => response.writeHead(status, headers).end(body))
  })
}

/** Fills both; resolves when nothing is on its way to L2 any more. */
async function filled(): Promise<void> {
  for (const gateway of [a, b]) await gateway.ask()
  const leases = async () => ((await (await fetch(`${service.url}/stats`)).json()) as { leases: number }).leases
  while ((await leases()) > 0);
}

describe('over two gateways and a cache service', () => {
  it('an answer that one stored is a hit at the other, from L2 and then from L1', async () => {
    answering('hello')
    expect((await a.ask()).exchange.cacheStatus).toBe('fwd=uri-miss; stored')
    // The answer did not wait until L2 had it.
    await until(async () => (await service.size()) === 1)
    const hits = [await b.ask(), await b.ask()]
    expect(hits.map(({ body }) => body)).toEqual(['hello', 'hello'])
    expect(hits[0]?.exchange.cacheStatus).toBe('fwd=uri-miss; detail=l2')
    expect(hits[0]?.exchange.cacheStatusBehind).toMatch(/^cache; hit; ttl=\d+$/)
    expect(hits[1]?.exchange.cacheStatus).toMatch(/^hit; ttl=\d+; detail=l1$/)
    expect(a.requests).toHaveLength(1)
  })

  it('one request to the origin serves all who come at once', async () => {
    const held = holding()
    const answers = Array.from({ length: 100 }, (_, i) => (i % 2 ? a : b).ask())
    const answer = await held
    await until(() => a.cache.counters.waits + b.cache.counters.waits === 1)
    answer('hello')
    expect(new Set((await Promise.all(answers)).map(({ body }) => body))).toEqual(new Set(['hello']))
    expect(a.requests).toHaveLength(1)
  })

  it('a write through one is seen by the next read through either', async () => {
    for (let version = 1; version <= 50; version++) {
      const [writer, other] = version % 2 ? [a, b] : [b, a]
      answering(`v${version}`, { 'cache-tag': 'item' })
      await writer.ask({ method: 'PUT', path: '/other', exchange: null })
      answering(`v${version}`)
      expect((await other.ask()).body).toBe(`v${version}`)
      expect((await writer.ask()).body).toBe(`v${version}`)
    }
    expect(a.requests).toHaveLength(100)
  })

  it('a fill goes on for the other’s reader when the one who led has left', async () => {
    const held = holding()
    const leader = a.start()
    const answer = await held
    const follower = b.ask()
    await until(() => b.cache.counters.waits === 1)
    leader.controller.abort(new Error('client gone'))
    await expect(leader.answer).rejects.toThrow('client gone')
    answer('hello')
    expect((await follower).body).toBe('hello')
    expect(a.requests).toHaveLength(1)
  })

  it('a failure reaches the other’s reader as its status', async () => {
    const held = holding()
    const leader = a.ask()
    const answer = await held
    const follower = b.ask()
    follower.catch(() => {})
    await until(() => b.cache.counters.waits === 1)
    answer('busy', {}, 503)
    expect(await leader).toMatchObject({ status: 503, body: 'busy' })
    await expect(follower).rejects.toMatchObject({
      code: 'fill_failed',
      statusCode: 503,
      headers: { 'retry-after': '2' },
    })
  })

  it('nobody queues for an answer that may not be shared', async () => {
    const held = holding()
    const leader = a.ask()
    const answer = await held
    const follower = b.ask()
    await until(() => b.cache.counters.waits === 1)
    a.respond = (_, response) => response.end('yours')
    answer('mine', { 'cache-control': 'private' })
    expect([(await leader).body, (await follower).body]).toEqual(['mine', 'yours'])
    expect((await b.ask()).exchange.cacheStatus).toBe('fwd=bypass')
  })

  it('variants and their mark are shared', async () => {
    a.respond = (request, response) =>
      response.writeHead(200, { ...fresh, vary: 'accept-language' }).end(request.headers['accept-language'])
    const speak = (gateway: Gateway, language: string) => gateway.ask({ headers: { 'accept-language': language } })
    await speak(a, 'de')
    expect((await speak(b, 'de')).exchange.cacheStatus).toBe('fwd=vary-miss; stored')
    expect((await speak(b, 'fr')).body).toBe('fr')
    const hits = [await speak(a, 'de'), await speak(a, 'fr')]
    expect(hits.map(({ body }) => body)).toEqual(['de', 'fr'])
    expect(a.requests).toHaveLength(3)
  })

  it('what is stale is revalidated once, and fresh at both', async () => {
    const etag = '"v1"'
    answering('hello', { ...fresh, 'cdn-cache-control': 'public, max-age=10', age: '15', etag })
    await filled()
    const held = holding()
    const waits = () => a.cache.counters.waits + b.cache.counters.waits
    const [before, waited] = [a.requests.length, waits()]
    const answers = [a.ask(), a.ask(), b.ask(), b.ask()]
    const answer = await held
    await until(() => waits() === waited + 1)
    answer('', { ...fresh, etag }, 304)
    for (const { status, body } of await Promise.all(answers)) expect([status, body]).toEqual([200, 'hello'])
    expect(a.requests[before]?.headers['if-none-match']).toBe(etag)
    expect(a.requests).toHaveLength(before + 1)
    for (const gateway of [a, b]) expect((await gateway.ask()).exchange.cacheStatus).toMatch(/^hit/)
    expect(a.requests).toHaveLength(before + 1)
  })

  it('what is stale is served at both where the fill of either fails, and at neither after a purge', async () => {
    const usable = { ...fresh, 'cdn-cache-control': 'public, max-age=10, stale-if-error=60', age: '15' }
    answering('old', usable)
    await filled()
    answering('out of order', {}, 503)
    for (const gateway of [a, b]) expect((await gateway.ask()).body).toBe('old')
    await a.cache.purge({ tags: ['item'] })
    for (const gateway of [a, b]) expect((await gateway.ask()).status).toBe(503)
  })

  it('goes on without the cache service', async () => {
    answering('old')
    await a.ask()
    await service.kill()
    answering('written', {})
    await b.ask({ method: 'PUT' })
    answering('new')
    expect((await a.ask()).body).toBe('new')
    expect((await b.ask()).body).toBe('new')
  })
})
