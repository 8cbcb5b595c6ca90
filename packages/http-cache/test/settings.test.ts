import { afterEach, expect, it } from 'vitest'
import type { HttpCacheOptions } from '../src/index.ts'
import { MemoryCache } from './memory-cache.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world.close())

async function answering(
  options: Omit<HttpCacheOptions, 'cache'>,
  { status = 200, headers = {}, body = 'hello' }: { status?: number; headers?: Record<string, string>; body?: string },
) {
  world = await World.open(new MemoryCache(), options)
  world.respond = (_, response) => response.writeHead(status, headers).end(body)
}

it('negativeTtl: what is not there is asked for once in so long (RFC 9110, 15.1)', async () => {
  await answering({ negativeTtl: 5000 }, { status: 404 })
  expect(await world.ask()).toMatchObject({ status: 404, exchange: { cacheStatus: 'fwd=uri-miss; stored' } })
  const hit = await world.ask()
  expect(hit).toMatchObject({ status: 404, body: 'hello' })
  expect(hit.exchange.cacheStatus).toMatch(/^hit; ttl=[45];/)
})

it('negativeTtl: a write makes it be asked for again', async () => {
  await answering({ negativeTtl: 5000 }, { status: 404 })
  await world.ask()
  await world.ask({ method: 'PUT' })
  world.respond = (_, response) => response.end('here')
  expect(await world.ask()).toMatchObject({ status: 200, body: 'here' })
})

it('storeSetCookie: the cookie goes to whoever asked the origin, and to nobody else (RFC 9111, 7.3)', async () => {
  await answering({ storeSetCookie: true }, { headers: { 'cache-control': 'max-age=30', 'set-cookie': 'id=mine' } })
  const [leader, follower] = await Promise.all([world.ask(), world.ask()])
  expect(leader.headers).toMatchObject({ 'set-cookie': 'id=mine' })
  for (const { headers, body } of [follower, await world.ask()]) {
    expect(headers).not.toHaveProperty('set-cookie')
    expect(body).toBe('hello')
  }
  expect(world.requests).toHaveLength(1)
})

it('maxBodyBytes: what is longer streams past, whether it says so or not', async () => {
  for (const headers of [{ 'content-length': '5' }, { 'transfer-encoding': 'chunked' }]) {
    await answering({ maxBodyBytes: 4 }, { headers: { 'cache-control': 'max-age=30', ...headers } })
    expect((await world.ask()).body).toBe('hello')
    expect(world.cache.entries.size).toBe(0)
    world.respond = (_, response) => response.writeHead(200, { 'cache-control': 'max-age=30' }).end('four')
    await world.ask({ path: '/other' })
    expect((await world.ask({ path: '/other' })).exchange.cacheStatus).toMatch(/^hit/)
    if (headers['content-length']) await world.close()
  }
})

it('Surrogate-Key: what was tagged with it is purged by it, and clients are not told', async () => {
  await answering({}, { headers: { 'cache-control': 'max-age=30', 'surrogate-key': 'item:a items' } })
  for (const { headers } of [await world.ask(), await world.ask()]) expect(headers).not.toHaveProperty('surrogate-key')
  await world.cache.purge({ tags: ['items'] })
  expect((await world.ask()).exchange.cacheStatus).toBe('fwd=uri-miss; stored')
})
