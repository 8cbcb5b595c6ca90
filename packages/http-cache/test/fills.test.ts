/** The origin behind a cache that is cold or away: so many requests at once, and nobody turned away who can wait. */
import type { ServerResponse } from 'node:http'
import { createCacheClient } from '@spillway/cache-client'
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryCache } from './memory-cache.ts'
import { unchanging, until, World } from './world.ts'

const fresh = { 'cache-control': 'public, max-age=30' }
const silent = { info() {}, warn() {}, error() {}, debug() {} }
const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const world of opened.splice(0)) await world.close()
})

/** An origin that holds every request until it is let go. */
function holding(world: Pick<World, 'respond'>, headers: Record<string, string>) {
  const held: ServerResponse[] = []
  let at = 0
  let most = 0
  world.respond = (_, response) => {
    held.push(response)
    most = Math.max(most, ++at)
    response.once('finish', () => at--)
  }
  return {
    held,
    most: () => most,
    letGo: () => {
      for (const response of held.splice(0)) response.writeHead(200, headers).end('hello')
    },
  }
}

const said = (outcome: { body: string } | { code: string }) => ('body' in outcome ? outcome.body : outcome.code)

describe('the bound on fills', () => {
  it('holds for 1,000 clients on cold keys while the cache service is dead', async () => {
    const cache = createCacheClient({ url: 'http://127.0.0.1:9', instance: 'gateway', logger: silent })
    const world = await World.open(cache, { fills: 20 })
    opened.push(world)
    const { held, letGo, most } = holding(world, fresh)
    const answers = Array.from({ length: 1000 }, (_, at) => world.ask({ path: `/${at}` }).then(said, said))
    await until(() => held.length === 20)
    await unchanging(() => held.length)
    expect(held).toHaveLength(20)
    letGo()
    const going = setInterval(letGo)
    const outcomes = new Set(await Promise.all(answers))
    clearInterval(going)
    expect(most()).toBe(20)
    // On a machine so slow that some have waited for 5 s, those are refused.
    outcomes.delete('upstream_overloaded')
    expect(outcomes).toEqual(new Set(['hello']))
  })

  it('holds for what may not be shared, too: whoever passes by waits like whoever fills', async () => {
    const world = await World.open(new MemoryCache(), { fills: 3 })
    opened.push(world)
    const { held, letGo, most } = holding(world, { 'cache-control': 'private' })
    const first = world.ask()
    await until(() => held.length === 1)
    letGo()
    await first
    const answers = [
      ...Array.from({ length: 10 }, () => world.ask()),
      ...Array.from({ length: 10 }, () => world.ask({ path: '/fat', body: 'fat' })),
      ...Array.from({ length: 10 }, (_, at) => world.ask({ method: 'HEAD', path: `/${at}` })),
    ]
    let answered = 0
    for (const answer of answers) void answer.then(() => answered++)
    while (answered < answers.length) {
      await until(() => held.length > 0 || answered === answers.length)
      letGo()
    }
    expect(most()).toBe(3)
    expect((await answers[0])?.exchange.cacheStatus).toBe('fwd=bypass')
  })

  it('keeps nobody who writes, and nobody whose requests the cache has nothing to do with', async () => {
    const world = await World.open(new MemoryCache(), { fills: 1 })
    opened.push(world)
    const { held, letGo } = holding(world, fresh)
    const read = world.ask()
    await until(() => held.length === 1)
    const others = [
      world.ask({ method: 'PUT', path: '/a' }),
      world.ask({ method: 'OPTIONS' }),
      world.ask({ exchange: { scope: undefined as never } }),
    ]
    await until(() => held.length === 4)
    letGo()
    expect((await Promise.all([read, ...others])).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })

  it('gives the place of a client that leaves to the next', async () => {
    const world = await World.open(new MemoryCache(), { fills: 1 })
    opened.push(world)
    const { held, letGo } = holding(world, fresh)
    const first = world.start({ path: '/a' })
    await until(() => held.length === 1)
    const inLine = world.start({ path: '/b' })
    const last = world.ask({ path: '/c' })
    inLine.controller.abort(new Error('client gone'))
    await expect(inLine.answer).rejects.toThrow('client gone')
    first.controller.abort(new Error('client gone'))
    await expect(first.answer).rejects.toThrow('client gone')
    await until(() => held.length === 2)
    letGo()
    expect((await last).body).toBe('hello')
    expect(world.requests.map(({ url }) => url)).toEqual(['/a', '/c'])
  })

  it('says 503 and when to come again to those for whom there is no room', async () => {
    const world = await World.open(new MemoryCache(), { fills: 1 })
    opened.push(world)
    const { held, letGo } = holding(world, fresh)
    const first = world.ask({ path: '/first' })
    await until(() => held.length === 1)
    const inLine = Array.from({ length: 1024 }, (_, at) => world.start({ path: `/${at}` }))
    await expect(world.ask({ path: '/last' })).rejects.toMatchObject({
      statusCode: 503,
      code: 'upstream_overloaded',
      headers: { 'retry-after': '2' },
    })
    for (const { controller, answer } of inLine) {
      answer.catch(() => {})
      controller.abort(new Error('client gone'))
    }
    letGo()
    expect((await first).body).toBe('hello')
    expect(world.requests).toHaveLength(1)
  })
})
