import type { ServerResponse } from 'node:http'
import { memoryCache } from '@spillway/cache-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryCache } from './memory-cache.ts'
import { unchanging, until, World } from './world.ts'

const ETAG = '"v1"'
const MODIFIED = 'Sat, 21 Nov 2026 08:00:00 GMT'
let world: World

beforeEach(async () => {
  world = await World.open(new MemoryCache())
})
afterEach(() => world.close())

/** Answers everything with these headers and this body. */
function answering(headers: Record<string, string>, body = 'hello', status = 200) {
  world.respond = (_, response) => response.writeHead(status, headers).end(body)
}

/** 15 s old on arrival, and fresh for 10. */
const stale = (directives: string, rest: Record<string, string> = {}) => ({
  'cache-control': `max-age=10, ${directives}`,
  age: '15',
  ...rest,
})

describe('revalidation (RFC 9111, 4.3)', () => {
  it('asks on condition that it has changed, and a 304 gives what is stored, freshened (4.3.1, 4.3.3)', async () => {
    answering(stale('', { etag: ETAG, 'last-modified': MODIFIED, 'x-version': 'old', 'content-type': 'text/plain' }))
    await world.ask()
    answering({ 'cache-control': 'max-age=60', etag: ETAG, 'x-version': 'new', 'content-type': 'image/png' }, '', 304)
    const answer = await world.ask()
    expect(world.requests[1]?.headers).toMatchObject({ 'if-none-match': ETAG, 'if-modified-since': MODIFIED })
    expect(answer).toMatchObject({ status: 200, body: 'hello' })
    expect(answer.exchange.cacheStatus).toBe('fwd=stale; fwd-status=304; stored')
    // 3.2: all but what is about the content.
    expect(answer.headers).toMatchObject({ 'x-version': 'new', 'content-type': 'text/plain', 'content-length': '5' })
    // Node's own Date may be a second late.
    expect(answer.headers['age']).toMatch(/^[01]$/)
    expect((await world.ask()).exchange.cacheStatus).toMatch(/^hit; ttl=(59|60); detail=l1$/)
    expect(world.requests).toHaveLength(2)
  })

  it('keeps what the 304 does not repeat: the policy for caches, and tags', async () => {
    answering({
      ...stale('', { etag: ETAG }),
      'cdn-cache-control': 'max-age=10',
      'cache-control': 'private',
      'cache-tag': 'a',
    })
    await world.ask()
    answering({ etag: ETAG }, '', 304)
    expect((await world.ask()).exchange.cacheStatus).toBe('fwd=stale; fwd-status=304; stored')
    expect([...world.cache.entries.values()][0]).toMatchObject({
      tags: [`${world.origin}/`, 'a'],
      windows: { fresh: 10_000 },
    })
  })

  it('answers the client’s own condition from what came of it (4.3.2)', async () => {
    answering(stale('', { etag: ETAG }))
    await world.ask()
    answering({ 'cache-control': 'max-age=60', etag: ETAG }, '', 304)
    const answer = await world.ask({ headers: { 'if-none-match': ETAG } })
    expect(answer).toMatchObject({ status: 304, body: '', headers: { etag: ETAG } })
  })

  it('takes what has changed instead (4.3.3)', async () => {
    answering(stale('', { etag: ETAG }))
    await world.ask()
    answering({ 'cache-control': 'max-age=60', etag: '"v2"' }, 'changed')
    const answer = await world.ask({ headers: { 'if-none-match': ETAG } })
    expect(answer).toMatchObject({ status: 200, body: 'changed' })
    expect(answer.exchange.cacheStatus).toBe('fwd=stale; fwd-status=200; stored')
  })

  it.each<[string, Record<string, string>]>([
    ['another ETag', { etag: '"v2"' }],
    ['no validator', {}],
    ['another Last-Modified', { 'last-modified': 'Sun, 22 Nov 2026 08:00:00 GMT' }],
  ])('asks again without conditions after a 304 with %s: that is no answer (4.3.4)', async (_, validators) => {
    answering(stale('', { etag: ETAG, 'last-modified': MODIFIED }))
    await world.ask()
    world.respond = (request, response) => {
      if (request.headers['if-none-match']) response.writeHead(304, validators).end()
      else response.writeHead(200, { 'cache-control': 'max-age=60' }).end('whole')
    }
    expect((await world.ask()).body).toBe('whole')
    expect(world.requests).toHaveLength(3)
  })

  it('knows a 304 by a weak ETag or by Last-Modified too (4.3.4)', async () => {
    for (const [path, told] of [
      ['/weak', { etag: `W/${ETAG}` }],
      ['/date', { 'last-modified': MODIFIED }],
    ] as const) {
      answering(stale('', { etag: ETAG, 'last-modified': MODIFIED }))
      await world.ask({ path })
      answering({ 'cache-control': 'max-age=60', ...told }, '', 304)
      expect((await world.ask({ path })).body).toBe('hello')
    }
    expect(world.requests).toHaveLength(4)
  })

  it('comes before each use of what says no-cache, with fields as without (5.2.2.4)', async () => {
    for (const [path, directive] of [
      ['/a', 'no-cache'],
      ['/b', 'no-cache="x-a"'],
    ] as const) {
      answering({ 'cache-control': `max-age=60, ${directive}`, etag: ETAG })
      await world.ask({ path })
      answering({ etag: ETAG }, '', 304)
      for (let times = 0; times < 2; times++) {
        expect((await world.ask({ path })).exchange.cacheStatus).toBe('fwd=stale; fwd-status=304; stored')
      }
    }
    expect(world.requests).toHaveLength(6)
  })

  it('that ends in an answer for one only leaves nothing of what was stored', async () => {
    answering(stale('stale-while-revalidate=60', { etag: ETAG, age: '75' }))
    await world.ask()
    answering({ 'cache-control': 'private', etag: ETAG }, '', 304)
    expect(await world.ask()).toMatchObject({
      status: 200,
      body: 'hello',
      exchange: { cacheStatus: 'fwd=stale; fwd-status=304' },
    })
    expect(world.cache.entries.size).toBe(0)
  })
})

describe('stale-while-revalidate (RFC 5861, 3)', () => {
  it('serves the stale answer at once, and asks for it once in the background', async () => {
    answering(stale('stale-while-revalidate=60'), 'old')
    await world.ask()
    let release = () => {}
    world.respond = (_, response) => {
      release = () => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('new')
    }
    const answers = [await world.ask(), await world.ask(), await world.ask()]
    for (const { body, headers, exchange } of answers) {
      expect(body).toBe('old')
      expect(headers['age']).toBe('15')
      expect(exchange.cacheStatus).toBe('hit; ttl=-6; detail=l1')
    }
    await until(() => world.requests.length === 2)
    release()
    await until(() => [...world.cache.entries.values()][0]?.body.toString() === 'new')
    expect((await world.ask()).body).toBe('new')
    expect(world.requests).toHaveLength(2)
  })

  it('is over when its time is, and is none with must-revalidate or s-maxage (RFC 9111, 5.2.2)', async () => {
    for (const [path, directives, age] of [
      ['/late', 'stale-while-revalidate=4', '15'],
      ['/strict', 'stale-while-revalidate=60, must-revalidate', '15'],
      ['/shared', 'stale-while-revalidate=60, s-maxage=10', '15'],
    ] as const) {
      answering(stale(directives, { age, etag: ETAG }), 'old')
      await world.ask({ path })
      answering({ 'cache-control': 'max-age=60' }, 'new')
      expect((await world.ask({ path })).body).toBe('new')
    }
  })

  it('does not show the reader of the stale answer what belongs to the request in the background', async () => {
    answering(stale('stale-while-revalidate=60'), 'old')
    await world.ask()
    world.respond = (_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(200, { 'cache-control': 'private' }).end('mine')
    }
    const answer = await world.ask()
    await until(() => world.cache.passes.size === 1)
    expect(answer).toMatchObject({ body: 'old', informed: [] })
    expect(world.cache.entries.size).toBe(0)
  })
})

describe('stale-if-error (RFC 5861, 4)', () => {
  async function stored(directives = 'stale-if-error=60') {
    answering(stale(directives, { etag: ETAG }), 'old')
    await world.ask()
  }

  it.each([500, 502, 503, 504])('serves the stale answer instead of %d', async (status) => {
    await stored()
    answering({}, 'out of order', status)
    const answer = await world.ask()
    expect(answer).toMatchObject({ status: 200, body: 'old', headers: { age: '15' } })
    expect(answer.exchange.cacheStatus).toBe(`fwd=stale; fwd-status=${status}; ttl=-6`)
  })

  it('serves it where there is no answer, to all who waited for one', async () => {
    await stored()
    const { promise: held, resolve } = Promise.withResolvers<ServerResponse>()
    world.respond = (_, response) => resolve(response)
    const answers = [world.ask(), world.ask()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.destroy()
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ status: 200, body: 'old', exchange: { cacheStatus: 'fwd=stale; ttl=-6' } })
  })

  it('not instead of other errors, nor without leave', async () => {
    await stored()
    answering({}, 'not implemented', 501)
    expect((await world.ask()).status).toBe(501)
    answering({}, 'gone', 404)
    expect((await world.ask()).status).toBe(404)
    for (const directives of ['stale-if-error=4', 'stale-if-error=60, must-revalidate', '']) {
      await world.cache.purge({ all: true })
      world.cache.passes.clear()
      await stored(directives)
      answering({}, 'out of order', 503)
      expect((await world.ask()).status).toBe(503)
    }
  })

  it('serves it where the reader’s own time is over', async () => {
    await stored()
    world.respond = () => {}
    const answer = await world.ask({ exchange: { deadlineAt: performance.now() + 30 } })
    expect(answer).toMatchObject({ status: 200, body: 'old' })
  })
})

describe('an origin that goes on failing (RFC 5861, 4)', () => {
  const time = { now: 0 }
  const usable = stale('stale-if-error=60', { 'cache-tag': 'item' })
  let down: World<ReturnType<typeof memoryCache>>

  beforeEach(async () => {
    time.now = performance.now()
    down = await World.open(memoryCache({ clock: () => time.now }))
  })
  afterEach(() => down.close())

  function answers(headers: Record<string, string>, body: string, status = 200) {
    down.respond = (_, response) => response.writeHead(status, headers).end(body)
  }

  /** Once an answer has ended, nobody can join it any more. */
  const stored = () => new Promise(setImmediate)

  async function fill(headers: Record<string, string>) {
    answers(headers, 'old')
    await down.ask()
    await stored()
  }

  /** Stored, stale, and failed once with that. */
  async function failed(status = 503) {
    await fill(usable)
    answers({}, 'out of order', status)
    return down.ask()
  }

  /** The next request to the origin, held until it is answered. */
  function holding() {
    const held = Promise.withResolvers<ServerResponse>()
    down.respond = (_, response) => held.resolve(response)
    return held.promise
  }

  it('keeps the first who asks waiting; the others have the stale answer at once, while one asks again', async () => {
    expect((await failed()).exchange.cacheStatus).toBe('fwd=stale; fwd-status=503; ttl=-6')
    const held = holding()
    for (let reader = 0; reader < 5; reader++) {
      const { body, exchange } = await down.ask()
      expect([body, exchange.cacheStatus]).toEqual(['old', 'hit; ttl=-6; detail=l1'])
    }
    ;(await held).writeHead(200, { 'cache-control': 'max-age=60' }).end('well again')
    await until(async () => (await down.ask()).body === 'well again')
    expect(down.requests).toHaveLength(3)
  })

  it('is left alone for a second after each failure, and forgotten after 30 s without one', async () => {
    await failed()
    for (const requests of [3, 4]) {
      await down.ask()
      await until(() => down.requests.length === requests)
      await unchanging(() => down.requests.length)
      for (let reader = 0; reader < 5; reader++) expect((await down.ask()).body).toBe('old')
      expect(down.requests).toHaveLength(requests)
      time.now += 1001
    }
    time.now += 30_000
    const held = holding()
    const waiting = down.ask()
    ;(await held).writeHead(503).end()
    expect((await waiting).exchange.cacheStatus).toBe('fwd=stale; fwd-status=503; ttl=-6')
  })

  it('is no reason to use what was purged or is too old, nor for another error', async () => {
    await failed()
    await down.cache.purge({ tags: ['item'] })
    for (const [directives, status] of [
      ['stale-if-error=60', 501],
      ['stale-if-error=4', 503],
    ] as const) {
      answers({}, 'out of order', status)
      expect((await down.ask()).status).toBe(status)
      await fill(stale(directives, { 'cache-tag': 'item' }))
      answers({}, 'out of order', status)
      for (let reader = 0; reader < 2; reader++) expect((await down.ask()).status).toBe(status)
      await down.cache.purge({ all: true })
    }
  })

  it('is forgotten once it has been well again', async () => {
    await failed()
    answers(usable, 'well again')
    await until(async () => (await down.ask()).body === 'well again')
    await stored()
    const held = holding()
    const waiting = down.ask()
    ;(await held).writeHead(200, { 'cache-control': 'max-age=60' }).end('newer')
    expect((await waiting).body).toBe('newer')
  })
})

describe('early refresh', () => {
  it('of a fresh answer goes on in the background when chance wants it, and not when it is off', async () => {
    for (const [earlyRefresh, requests] of [
      [1, 2],
      [0, 1],
    ] as const) {
      const early = await World.open(new MemoryCache(), { earlyRefresh, random: () => Number.MIN_VALUE })
      early.respond = (_, response) => {
        setTimeout(() => response.writeHead(200, { 'cache-control': 'max-age=1' }).end('hello'), 30)
      }
      await early.ask()
      expect((await early.ask()).exchange.cacheStatus).toMatch(/^hit/)
      await until(() => early.requests.length === requests)
      await early.close()
    }
  })
})

it('takes no options that cannot be meant', async () => {
  for (const options of [{ heuristic: 2 }, { earlyRefresh: -1 }, { clientDirectives: 'yes' as never }])
    await expect(World.open(new MemoryCache(), options)).rejects.toThrow(TypeError)
})
