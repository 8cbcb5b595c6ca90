import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryCache } from './memory-cache.ts'
import { until, World } from './world.ts'

const DIGITS = '0123456789'
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT'
const NOW = new Date().toUTCString()
const fresh = { 'cache-control': 'max-age=30', etag: '"v1"', 'content-type': 'text/plain' }
let world: World

beforeEach(async () => {
  world = await World.open(new MemoryCache())
})
afterEach(() => world.close())

function answering(headers: Record<string, string> = fresh, status = 200) {
  world.respond = (_, response) => response.writeHead(status, headers).end(DIGITS)
}

/** The next request to the origin, to be answered by the test. */
function holding(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    world.respond = (_, response) => resolve(response)
  })
}

const range = (value: string, headers: Record<string, string> = {}) =>
  world.ask({ headers: { range: value, ...headers } })

describe('Range of a stored answer (RFC 9110, 14)', () => {
  beforeEach(async () => {
    answering()
    await world.ask()
  })

  it('says that it can be had in parts (14.3)', async () => {
    expect((await world.ask()).headers).toMatchObject({ 'accept-ranges': 'bytes' })
  })

  it.each([
    ['bytes=0-1', '01', 'bytes 0-1/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
  ])('206 with the part: %s (15.3.7.1)', async (asked, body, contentRange) => {
    const answer = await range(asked)
    expect(answer).toMatchObject({ status: 206, body })
    expect(answer.headers).toMatchObject({
      ...fresh,
      'content-range': contentRange,
      'content-length': String(body.length),
      age: expect.stringMatching(/^\d+$/),
    })
    expect(answer.exchange.cacheStatus).toMatch(/^hit/)
    expect(world.requests).toHaveLength(1)
  })

  it('206 with several parts as multipart/byteranges (15.3.7.2)', async () => {
    const { status, headers, body } = await range('bytes=0-1, -1')
    expect(status).toBe(206)
    expect(headers).not.toHaveProperty('content-range')
    expect(Number(headers['content-length'])).toBe(body.length)
    const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers['content-type'])) ?? []
    expect(body.split(`\r\n--${boundary}`)).toEqual([
      '',
      '\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1/10\r\n\r\n01',
      '\r\ncontent-type: text/plain\r\ncontent-range: bytes 9-9/10\r\n\r\n9',
      '--\r\n',
    ])
  })

  it('the whole where the parts overlap or are many (17.15), or the field means nothing (14.2)', async () => {
    for (const asked of ['bytes=0-,0-', `bytes=${Array(11).fill('0-0')}`, 'lines=1-2', 'bytes=x'])
      expect(await range(asked)).toMatchObject({ status: 200, body: DIGITS })
  })

  it('416 with the length where none of them exists (15.5.17)', async () => {
    await expect(range('bytes=10-')).rejects.toMatchObject({
      code: 'range_not_satisfiable',
      statusCode: 416,
      headers: { 'content-range': 'bytes */10' },
      answer: { exchange: { error: 'http_request_error' } },
    })
  })

  it('HEAD has no parts (14.2), and a client that has the answer gets none (13.2.2)', async () => {
    expect(await world.ask({ method: 'HEAD', headers: { range: 'bytes=0-1' } })).toMatchObject({
      status: 200,
      headers: { 'content-length': '10' },
    })
    expect((await range('bytes=0-1', { 'if-none-match': '"v1"' })).status).toBe(304)
  })
})

describe('If-Range (RFC 9110, 13.1.5)', () => {
  it.each([
    ['the same strong tag', { etag: '"v1"' }, '"v1"', 206],
    ['another', { etag: '"v2"' }, '"v1"', 200],
    ['a weak one', { etag: 'W/"v1"' }, 'W/"v1"', 200],
    ['a weak one of a strong', { etag: '"v1"' }, 'W/"v1"', 200],
    ['the date, long before Date', { 'last-modified': EARLIER }, EARLIER, 206],
    ['the date, the same as Date: not a strong one (8.8.2.2)', { 'last-modified': NOW, date: NOW }, NOW, 200],
    ['a later date', { 'last-modified': EARLIER }, 'Sun, 06 Nov 1994 08:49:38 GMT', 200],
    ['a date where there is none', { etag: '"v1"' }, EARLIER, 200],
    ['nonsense', { etag: '"v1"' }, 'v1', 200],
  ])('%s', async (_, validators, wanted, status) => {
    answering({ 'cache-control': 'max-age=30', ...validators })
    await world.ask()
    const answer = await range('bytes=0-1', { 'if-range': wanted })
    expect(answer).toMatchObject({ status, body: status === 206 ? '01' : DIGITS })
  })
})

describe('Range on a miss (RFC 9111, 3.3)', () => {
  it('asks for the whole, and sends the part as soon as it is here', async () => {
    const held = holding()
    const part = range('bytes=2-4')
    const response = await held
    expect(world.requests[0]?.headers).not.toHaveProperty('range')
    response.writeHead(200, { ...fresh, 'content-length': '10' }).write('012345')
    expect(await part).toMatchObject({ status: 206, body: '234', headers: { 'content-range': 'bytes 2-4/10' } })
    response.end('6789')
    await until(() => world.cache.entries.size === 1)
    expect(await world.ask()).toMatchObject({ body: DIGITS })
    expect(world.requests).toHaveLength(1)
  })

  it.each([
    ['whose length is not known', {}, 'bytes=-2', '89'],
    ['of several parts', { 'content-length': '10' }, 'bytes=0-0,9-9', undefined],
  ])('waits for the whole of a body %s', async (_, headers, asked, body) => {
    const held = holding()
    const [leader, follower] = [range(asked), range(asked)]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(200, { ...fresh, ...headers }).write('012345')
    response.end('6789')
    for (const answer of [await leader, await follower]) {
      expect(answer.status).toBe(206)
      if (body) expect(answer.body).toBe(body)
    }
    expect(world.requests).toHaveLength(1)
  })

  it('breaks with the body that it waits for', async () => {
    const held = holding()
    const part = range('bytes=-2')
    part.catch(() => {})
    const response = await held
    response.writeHead(200, fresh).write('012345')
    await until(() => world.cache.waiting === 1)
    response.destroy()
    await expect(part).rejects.toThrow()
  })

  it('416 where the answer turns out shorter', async () => {
    answering()
    await expect(range('bytes=10-')).rejects.toMatchObject({ statusCode: 416 })
  })

  it.each([
    ['may not be stored', { 'cache-control': 'no-store' }, '0'],
    ['turns out too long to be stored', fresh, '0'.repeat(2_000_000)],
    ['says that it is too long', { ...fresh, 'content-length': '2000000' }, '0'.repeat(2_000_000)],
  ])('goes to the origin itself where the answer %s; its 206 is never stored', async (_, headers, body) => {
    world.respond = (request, response) => {
      if (request.headers.range) response.writeHead(206, { 'content-range': 'bytes 0-0/1' }).end('0')
      else response.writeHead(200, headers).end(body)
    }
    expect(await range('bytes=0-0')).toMatchObject({ status: 206, body: '0' })
    expect(world.requests.map((request) => request.headers.range)).toEqual([undefined, 'bytes=0-0'])
    expect(world.cache.entries.size).toBe(0)
  })

  it('a 206 that nobody asked for is passed on, and not stored', async () => {
    answering({ ...fresh, 'content-range': 'bytes 0-9/20' }, 206)
    expect((await world.ask()).status).toBe(206)
    expect(world.cache.entries.size).toBe(0)
  })

  it('cancels the fill that was for the whole where that may not be stored', async () => {
    const held = holding()
    const part = range('bytes=0-0')
    const response = await held
    const closed = once(response, 'close')
    answering({ 'cache-control': 'no-store' })
    response.writeHead(200, { 'cache-control': 'no-store' }).write('01')
    await part
    await closed
  })
})
