import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryCache } from './memory-cache.ts'
import { unchanging, until, World } from './world.ts'

let world: World

beforeEach(async () => {
  world = await World.open(new MemoryCache())
})
afterEach(() => world.close())

const fresh = { 'cache-control': 'max-age=30' }

/** The next request to the origin, to be answered by the test. */
function holding(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    world.respond = (_, response) => resolve(response)
  })
}

/** A reader who shows what he has so far. */
function reading(asked: Parameters<World['options']>[0] = {}) {
  const options = world.options(asked)
  const seen = { status: 0, headers: {} as Record<string, unknown>, body: '', trailers: {} as Record<string, unknown> }
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  ended.catch(() => {})
  let controller: Dispatcher.DispatchController | undefined
  world.dispatcher.dispatch(options, {
    onRequestStart: (given) => {
      controller = given
    },
    onResponseStart: (_, status, headers) => {
      if (status >= 200) Object.assign(seen, { status, headers })
    },
    onResponseData: (_, chunk) => {
      seen.body += chunk
    },
    onResponseEnd: (_, trailers) => {
      Object.assign(seen, { trailers })
      resolve()
    },
    onResponseError: (_, error) => reject(error),
  })
  return { seen, ended, exchange: options.exchange, controller: controller as unknown as Dispatcher.DispatchController }
}

describe('an answer that may be stored', () => {
  it('reaches all who wait from its head on, and those who come later from its first byte', async () => {
    const held = holding()
    const early = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, fresh).write('one ')
    await until(() => early.every(({ seen }) => seen.body === 'one '))
    const late = reading()
    await until(() => late.seen.body === 'one ')
    response.end('two')
    await Promise.all([...early, late].map(({ ended }) => ended))
    expect([...early, late].map(({ seen }) => seen.body)).toEqual(['one two', 'one two', 'one two'])
    expect([...early, late].map(({ exchange }) => exchange?.cacheStatus)).toEqual([
      'fwd=uri-miss; stored',
      'fwd=uri-miss; stored; collapsed',
      'fwd=uri-miss; stored; collapsed',
    ])
    expect((await world.ask()).exchange.cacheStatus).toMatch(/^hit/)
    expect(world.requests).toHaveLength(1)
  })

  it('is told to its leader as it came, to the others as it is stored: without what belongs to one exchange', async () => {
    const held = holding()
    const [leader, follower] = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    const own = { 'server-timing': 'db;dur=3', trailer: 'x-sum', 'transfer-encoding': 'chunked' }
    response.writeHead(200, { ...fresh, ...own, age: '3' }).write('hello')
    response.addTrailers({ 'x-sum': '5' })
    response.end()
    await Promise.all([leader.ended, follower.ended])
    expect(leader.seen).toMatchObject({ headers: { 'server-timing': 'db;dur=3' }, trailers: { 'x-sum': '5' } })
    expect(follower.seen).toMatchObject({
      headers: { age: expect.stringMatching(/^[3-9]$/), 'accept-ranges': 'bytes' },
      trailers: {},
    })
    for (const name of ['server-timing', 'trailer', 'transfer-encoding', 'content-length'])
      expect(follower.seen.headers).not.toHaveProperty(name)
    expect((await world.ask()).headers).toMatchObject({ 'content-length': '5' })
  })

  it('tells its length where the origin does', async () => {
    const held = holding()
    const followers = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, { ...fresh, 'content-length': '5' }).write('he')
    await until(() => followers.every(({ seen }) => seen.body === 'he'))
    expect(followers[1]?.seen.headers).toMatchObject({ 'content-length': '5' })
    response.end('llo')
  })

  it('is not held up by a reader who takes nothing, nor is he cut short', async () => {
    const held = holding()
    const [fast, slow] = [reading(), reading()]
    slow.controller.pause()
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, fresh).end('x'.repeat(500_000))
    await fast.ended
    expect(fast.seen.body).toHaveLength(500_000)
    expect(slow.seen).toMatchObject({ status: 200, body: '' })
    expect(world.cache.entries.size).toBe(1)
    slow.controller.resume()
    await slow.ended
    expect(slow.seen.body).toHaveLength(500_000)
  })

  it('is joined by nobody once it has come and may not be used without asking (RFC 9111, 5.2.2.4)', async () => {
    const held = holding()
    const waiting = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, { 'cache-control': 'no-cache', etag: '"1"' }).write('hel')
    await until(() => waiting.every(({ seen }) => seen.body === 'hel'))
    world.respond = (_, answer) => answer.end('asked for again')
    expect(await world.ask()).toMatchObject({ body: 'asked for again', exchange: { cacheStatus: 'fwd=bypass' } })
    response.end('lo')
    await Promise.all(waiting.map(({ ended }) => ended))
    expect(waiting.map(({ seen }) => seen.body)).toEqual(['hello', 'hello'])
  })

  it('is not stored where a write overtook it, and says so (RFC 9111, 4.4)', async () => {
    const held = holding()
    const reader = reading()
    const response = await held
    response.writeHead(200, fresh).write('old')
    await until(() => reader.seen.body === 'old')
    world.respond = (_, answer) => answer.end('written')
    await world.ask({ method: 'PUT' })
    const later = holding()
    const next = reading()
    response.end()
    await reader.ended
    const second = await later
    second.writeHead(200, fresh).end('new')
    await next.ended
    expect([reader.seen.body, next.seen.body]).toEqual(['old', 'new'])
    expect((await world.ask()).body).toBe('new')
  })
})

describe('who takes only the head', () => {
  it.each<[string, Parameters<World['options']>[0], number]>([
    ['HEAD (RFC 9110, 9.3.2)', { method: 'HEAD' }, 200],
    ['If-None-Match (RFC 9110, 13.1.2)', { headers: { 'if-none-match': '"1"' } }, 304],
  ])('has it before the body is here, and the fill goes on: %s', async (_, asked, status) => {
    const held = holding()
    const leader = reading(asked)
    const response = await held
    response.writeHead(200, { ...fresh, etag: '"1"' }).write('hel')
    await leader.ended
    expect(leader.seen).toMatchObject({ status, body: '' })
    const follower = reading()
    await until(() => follower.seen.body === 'hel')
    follower.controller.abort(new Error('client gone'))
    response.end('lo')
    await until(() => world.cache.entries.size === 1)
    expect((await world.ask()).body).toBe('hello')
    expect(world.requests).toHaveLength(1)
  })

  it('cancels what nobody may store and nobody reads', async () => {
    const held = holding()
    const leader = reading({ method: 'HEAD' })
    const response = await held
    response.writeHead(200, { 'cache-control': 'no-store' }).write('hel')
    await leader.ended
    await once(response, 'close')
  })
})

describe('readers who leave', () => {
  it('cancel it when none is left', async () => {
    const held = holding()
    const readers = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, fresh).write('hel')
    await until(() => readers.every(({ seen }) => seen.body === 'hel'))
    for (const { controller } of readers) controller.abort(new Error('client gone'))
    await once(response, 'close')
    expect(world.cache.entries.size).toBe(0)
  })

  it('leave it to the others', async () => {
    const held = holding()
    const [leader, follower] = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, fresh).write('hel')
    await until(() => follower.seen.body === 'hel')
    leader.controller.abort(new Error('client gone'))
    response.end('lo')
    await follower.ended
    expect(follower.seen.body).toBe('hello')
    expect((await world.ask()).exchange.cacheStatus).toMatch(/^hit/)
  })
})

describe('a body that is not whole (RFC 9112, 8)', () => {
  it.each<[string, Record<string, string>]>([
    ['shorter than its Content-Length', { 'content-length': '10' }],
    ['without its last chunk', {}],
  ])('breaks every reader’s answer and stores nothing: %s', async (_, headers) => {
    const held = holding()
    const readers = [reading(), reading()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, { ...fresh, ...headers }).write('half')
    await until(() => readers.every(({ seen }) => seen.body === 'half'))
    response.destroy()
    for (const { ended } of readers) await expect(ended).rejects.toThrow()
    expect(world.cache.entries.size).toBe(0)
  })

  it('is never stored where it is longer than its Content-Length', async () => {
    world.respond = (_, response) => {
      response.socket?.end('HTTP/1.1 200 OK\r\ncache-control: max-age=30\r\ncontent-length: 4\r\n\r\nhello')
    }
    const { ended } = reading()
    await ended.catch(() => {})
    for (const { body } of world.cache.entries.values()) expect(body.toString()).toBe('hell')
  })

  it('is never stored where it ends with its connection', async () => {
    world.respond = (_, response) => {
      response.socket?.end('HTTP/1.1 200 OK\r\ncache-control: max-age=30\r\n\r\nhello')
    }
    const { seen, ended } = reading()
    await ended
    expect(seen.body).toBe('hello')
    expect(world.cache.entries.size).toBe(0)
  })
})

describe('a body that outgrows what may be stored', () => {
  const chunk = Buffer.alloc(65_536, 'x')
  const chunks = 160

  /** Sends ten times what may be stored, as fast as it is taken; tells how much that is. */
  function sending(): { sent: number } {
    const state = { sent: 0 }
    world.respond = async (_, response) => {
      response.writeHead(200, fresh)
      for (; state.sent < chunks; state.sent++) {
        if (!response.write(chunk)) await once(response, 'drain')
      }
      response.end()
    }
    return state
  }

  it('goes on to all who read it, whole, at the pace of the slowest, and is not stored', async () => {
    const state = sending()
    const [fast, slow] = [reading(), reading()]
    slow.controller.pause()
    await until(() => fast.seen.body.length > 1_048_576)
    await unchanging(() => state.sent)
    expect(state.sent).toBeLessThan(chunks)
    slow.controller.resume()
    await Promise.all([fast.ended, slow.ended])
    expect([fast.seen.body.length, slow.seen.body.length]).toEqual([chunks * chunk.length, chunks * chunk.length])
    expect(world.requests).toHaveLength(1)
    expect(world.cache.entries.size).toBe(0)
  })

  it('is for those who read it already: who comes now asks for himself', async () => {
    const state = sending()
    const first = reading()
    await until(() => first.seen.body.length > 1_048_576)
    first.controller.pause()
    await unchanging(() => state.sent)
    world.respond = (_, response) => response.end('yours')
    expect(await world.ask()).toMatchObject({ body: 'yours', exchange: { cacheStatus: 'fwd=bypass' } })
    first.controller.resume()
    await first.ended
  })

  it('is cancelled when the last of them leaves', async () => {
    const state = sending()
    const readers = [reading(), reading()]
    await until(() => readers.every(({ seen }) => seen.body.length > 1_048_576))
    for (const { controller } of readers) controller.abort(new Error('client gone'))
    await unchanging(() => state.sent)
    expect(state.sent).toBeLessThan(chunks)
  })
})
