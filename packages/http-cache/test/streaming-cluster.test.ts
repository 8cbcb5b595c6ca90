import type { ServerResponse } from 'node:http'
import { createCacheClient } from '@spillway/cache-client'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CacheService } from './cache-service.ts'
import { until, World } from './world.ts'

type Gateway = World<ReturnType<typeof createCacheClient>>

/** For all tests, which have origins, and so keys, of their own; until one kills it. */
let service: CacheService | undefined
let a: Gateway
let b: Gateway

const logger = { info() {}, warn() {} }
const fresh = { 'cdn-cache-control': 'public, max-age=30' }

beforeEach(async () => {
  service ??= await CacheService.start()
  const { url } = service
  // A loaded machine is not to be taken for a cache that is away.
  const client = (instance: string) => createCacheClient({ url, instance, logger, verdictMs: 10_000 })
  a = await World.open(client('a'))
  b = a.beside(client('b'))
  await until(() => a.cache.state.live && b.cache.state.live)
})
afterEach(async () => {
  await b.close()
  await a.close()
})
afterAll(() => service?.kill())

/** An answer that has begun at one gateway, while a reader at the other waits for the whole of it. */
async function begun() {
  const held = new Promise<ServerResponse>((resolve) => {
    a.respond = (_, response) => resolve(response)
  })
  const here = a.start()
  const response = await held
  const there = b.ask()
  for (const answer of [here.answer, there]) answer.catch(() => {})
  await until(() => b.cache.counters.waits === 1)
  response.writeHead(200, fresh).write('hel')
  await until(() => here.exchange?.cacheStatus !== undefined)
  return { here, there, response }
}

describe('an answer that has begun at one gateway', () => {
  it('is at the other once it is whole, and was asked for once', async () => {
    const { here, there, response } = await begun()
    response.end('lo')
    expect([(await here.answer).body, (await there).body]).toEqual(['hello', 'hello'])
    expect((await there).exchange.cacheStatus).toBe('fwd=uri-miss; stored; collapsed')
    expect(a.requests).toHaveLength(1)
  })

  it('goes on for the other when its own readers have left', async () => {
    const { here, there, response } = await begun()
    here.controller.abort(new Error('client gone'))
    await expect(here.answer).rejects.toThrow('client gone')
    response.end('lo')
    expect((await there).body).toBe('hello')
    expect(a.requests).toHaveLength(1)
  })

  it('fails at the other where it breaks, and is asked for anew by the next', async () => {
    const { here, there, response } = await begun()
    response.destroy()
    await expect(here.answer).rejects.toThrow()
    await expect(there).rejects.toMatchObject({ code: 'fill_failed', statusCode: 502 })
    a.respond = (_, anew) => anew.writeHead(200, fresh).end('hello')
    expect((await b.ask()).body).toBe('hello')
  })

  it('is whole for its readers where the cache service dies meanwhile; the other asks for itself', async () => {
    const { here, there, response } = await begun()
    a.respond = (_, anew) => anew.writeHead(200, fresh).end('anew')
    await service?.kill()
    service = undefined
    expect((await there).body).toBe('anew')
    response.end('lo')
    expect((await here.answer).body).toBe('hello')
  })

  it('is not seen after a write that overtook it, through either', async () => {
    const { here, there, response } = await begun()
    a.respond = (_, written) => written.end()
    await b.ask({ method: 'PUT' })
    a.respond = (_, anew) => anew.writeHead(200, fresh).end('new')
    const after = [a.ask(), b.ask()]
    expect((await Promise.all(after)).map(({ body }) => body)).toEqual(['new', 'new'])
    response.end('lo')
    expect((await here.answer).body).toBe('hello')
    await there
    expect([(await a.ask()).body, (await b.ask()).body]).toEqual(['new', 'new'])
  })
})
