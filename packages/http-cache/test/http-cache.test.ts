import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createExchange, UpstreamError } from '@spillway/upstreams'
import { Agent, type Dispatcher, fetch, request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bypassCache, httpCache } from '../src/index.ts'
import { MemoryCache } from './memory-cache.ts'
import { unchanging, until, World } from './world.ts'

const ETAG = '"v1"'
/** The age of what has just come: Node's own Date may be a second late. */
const now = expect.stringMatching(/^[01]$/)
let world: World

beforeEach(async () => {
  world = await World.open(new MemoryCache())
})
afterEach(() => world.close())

/** Answers everything with these headers and this body. */
function answering(headers: Record<string, string | string[]>, body = 'hello', status = 200) {
  world.respond = (_, response) => response.writeHead(status, headers).end(body)
}

const fresh = { 'cdn-cache-control': 'public, max-age=30', 'cache-control': 'private, no-cache', 'cache-tag': 'item:a' }

describe('reading', () => {
  it('stores a fresh answer and serves it to the next reader without asking the origin', async () => {
    answering({ ...fresh, etag: ETAG, 'content-type': 'text/plain' })
    const miss = await world.ask()
    const hit = await world.ask()
    expect(miss.exchange.cacheStatus).toBe('fwd=uri-miss; stored')
    expect(hit).toMatchObject({ status: 200, body: 'hello' })
    expect(hit.exchange.cacheStatus).toMatch(/^hit; ttl=(29|30); detail=l1$/)
    expect(hit.headers).toMatchObject({ etag: ETAG, 'content-type': 'text/plain', age: now, 'content-length': '5' })
    expect(hit.exchange.timings.map(({ name }) => name)).toEqual(['cache'])
    expect(world.requests).toHaveLength(1)
  })

  it('strips CDN-Cache-Control and Cache-Tag from every answer, and passes Cache-Control on', async () => {
    answering(fresh)
    const unscoped = { exchange: { scope: undefined as never } }
    const answers = [await world.ask(), await world.ask(), await world.ask(unscoped)]
    for (const { headers } of answers) {
      expect(headers).not.toHaveProperty('cdn-cache-control')
      expect(headers).not.toHaveProperty('cache-tag')
      expect(headers['cache-control']).toBe('private, no-cache')
    }
  })

  it('stores an entry with its URL and its Cache-Tag as tags, without what belongs to one exchange', async () => {
    const fields = ['server-timing', 'proxy-status', 'x-request-id', 'x-served-by', 'x-load', 'traceparent', 'x-hop']
    answering({ ...fresh, ...Object.fromEntries(fields.map((name) => [name, 'x'])), connection: 'x-hop' })
    await world.ask({ path: '/data?key=a' })
    const [entry] = [...world.cache.entries.values()]
    expect(entry?.tags).toEqual([`${world.origin}/data?key=a`, 'item:a'])
    expect(entry?.headers.map(([name]) => name)).toEqual(['cdn-cache-control', 'cache-control', 'cache-tag', 'date'])
  })

  it('asks the origin once for any number of readers who come at once', async () => {
    let release = () => {}
    world.respond = (_, response) => {
      release = () => response.writeHead(200, fresh).end('hello')
    }
    const answers = Array.from({ length: 50 }, () => world.ask())
    await until(() => world.requests.length === 1 && world.cache.waiting === 50)
    release()
    const bodies = await Promise.all(answers)
    expect(new Set(bodies.map(({ body }) => body))).toEqual(new Set(['hello']))
    expect(bodies.filter(({ exchange }) => exchange.cacheStatus === 'fwd=uri-miss; stored; collapsed')).toHaveLength(49)
    expect(world.requests).toHaveLength(1)
  })

  it('gives each scope, authority and query its own entry', async () => {
    answering(fresh)
    await world.ask({ exchange: { scope: 'user:a' } })
    await world.ask({ exchange: { scope: 'user:b' } })
    await world.ask({ path: '/?a' })
    expect(world.requests).toHaveLength(3)
  })

  it('takes a request without an exchange for one of everybody', async () => {
    answering(fresh)
    await world.ask()
    expect(await world.ask({ exchange: null })).toMatchObject({ status: 200, headers: { age: '0' } })
    expect(world.requests).toHaveLength(1)
  })

  it('passes by without a scope, with a body, and with preconditions that only the origin can judge', async () => {
    answering(fresh)
    await world.ask()
    const bypassed = [
      await world.ask({ exchange: { scope: undefined as never } }),
      await world.ask({ body: 'fat' }),
      await world.ask({ headers: { 'if-match': ETAG } }),
    ]
    for (const { exchange } of bypassed) expect(exchange.cacheStatus).toBe('fwd=bypass')
    expect(world.requests).toHaveLength(4)
    expect(world.requests[3]?.headers['if-match']).toBe(ETAG)
  })

  it('passes informational answers and upstream timings on to the reader who leads', async () => {
    world.respond = (_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.writeHead(200, { ...fresh, 'server-timing': 'db;dur=3' }).end('hello')
    }
    const miss = await world.ask()
    const hit = await world.ask()
    expect(miss.informed).toEqual([103])
    expect(miss.headers['server-timing']).toBe('db;dur=3')
    expect(hit.headers).not.toHaveProperty('server-timing')
  })

  it('answers only-if-cached from the cache, else 504 without asking (RFC 9111, 5.2.1.7)', async () => {
    answering(fresh)
    const headers = { 'Cache-Control': 'only-if-cached' }
    await expect(world.ask({ headers })).rejects.toMatchObject({ code: 'only_if_cached', statusCode: 504 })
    expect(world.requests).toHaveLength(0)
    await world.ask()
    expect((await world.ask({ headers })).exchange.cacheStatus).toMatch(/^hit/)
  })
})

describe('what may not be stored (RFC 9111, 3)', () => {
  it.each<[string, Record<string, string | string[]>, number?]>([
    ['private', { 'cache-control': 'private, max-age=30' }],
    ['no-store in CDN-Cache-Control', { 'cdn-cache-control': 'no-store', 'cache-control': 'public, max-age=30' }],
    ['no freshness information', { etag: ETAG }],
    ['a cookie', { 'cache-control': 'max-age=30', 'set-cookie': 'a=b' }],
    ['Vary: *', { 'cache-control': 'max-age=30', vary: '*' }],
    ['a status we do not understand', { 'cache-control': 'max-age=30' }, 418],
    ['older than its lifetime', { 'cache-control': 'max-age=30', age: '31' }],
  ])('%s', async (_, headers, status) => {
    answering(headers, 'mine', status)
    const [first, second] = [await world.ask(), await world.ask()]
    expect([first.body, second.body]).toEqual(['mine', 'mine'])
    expect(first.exchange.cacheStatus).toBe('fwd=uri-miss')
    expect(second.exchange.cacheStatus).toBe('fwd=bypass')
    expect(world.cache.entries.size).toBe(0)
    expect(world.requests).toHaveLength(2)
  })

  it('a truncated body: the reader is told, the next one asks anew', async () => {
    world.respond = (_, response) => {
      response.writeHead(200, { ...fresh, 'content-length': '10' }).write('half')
      setImmediate(() => response.destroy())
    }
    await expect(world.ask()).rejects.toThrow()
    expect(world.cache.entries.size).toBe(0)
    answering(fresh)
    expect((await world.ask()).body).toBe('hello')
  })

  it('a body that ends with its connection (RFC 9112, 8)', async () => {
    world.respond = (_, response) => {
      response.useChunkedEncodingByDefault = false
      response.writeHead(200, fresh).end('hello')
      response.socket?.end()
    }
    expect((await world.ask()).body).toBe('hello')
    expect(world.cache.entries.size).toBe(0)
  })

  it('what is longer than 1 MiB streams through, with back-pressure and bounded memory', async () => {
    const chunk = Buffer.alloc(65_536, 'x')
    let sent = 0
    world.respond = async (_, response) => {
      response.writeHead(200, fresh)
      for (; sent < 640; sent++) if (!response.write(chunk)) await once(response, 'drain')
      response.end()
    }
    let received = 0
    const { promise: paused, resolve: pausing } = Promise.withResolvers<void>()
    const { promise: ended, resolve: end, reject } = Promise.withResolvers<void>()
    let controller: { resume(): void } | undefined
    world.dispatcher.dispatch(world.options(), {
      onRequestStart: () => {},
      onResponseStart: (given) => {
        controller = given
        given.pause()
        pausing()
      },
      onResponseData: (_, data) => {
        received += data.length
      },
      onResponseEnd: () => end(),
      onResponseError: (_, error) => reject(error),
    })
    await paused
    // The sockets' buffers take some; the origin then waits for us.
    await unchanging(() => sent)
    expect(received).toBe(0)
    expect(sent).toBeLessThan(640)
    controller?.resume()
    await ended
    expect(received).toBe(640 * 65_536)
    expect(world.cache.entries.size).toBe(0)
  })
})

describe('a fill belongs to its readers', () => {
  function holding(): Promise<ServerResponse> {
    return new Promise((resolve) => {
      world.respond = (_, response) => resolve(response)
    })
  }

  it('is sent as GET without the first reader’s conditional, Range and time fields', async () => {
    answering(fresh)
    const personal = { 'If-None-Match': ETAG, 'if-modified-since': 'x', range: 'bytes=0-1' }
    await world.ask({ method: 'HEAD', headers: { ...personal, accept: 'text/plain', 'x-timeout-ms': '5' } })
    expect(world.requests[0]).toMatchObject({
      method: 'GET',
      headers: { accept: 'text/plain', 'x-timeout-ms': '15000' },
    })
    for (const name of Object.keys(personal)) expect(world.requests[0]?.headers).not.toHaveProperty(name.toLowerCase())
  })

  it('goes on when its leader leaves while others wait', async () => {
    const held = holding()
    const leader = world.start()
    const follower = world.ask()
    const response = await held
    await until(() => world.cache.waiting === 2)
    leader.controller.abort(new Error('client gone'))
    await expect(leader.answer).rejects.toThrow('client gone')
    response.writeHead(200, fresh).end('hello')
    expect((await follower).body).toBe('hello')
    expect(world.requests).toHaveLength(1)
  })

  it('is cancelled when the last reader leaves', async () => {
    const held = holding()
    const { answer, controller } = world.start()
    const response = await held
    controller.abort(new Error('client gone'))
    await expect(answer).rejects.toThrow('client gone')
    await once(response, 'close')
  })

  it('lets a waiting reader go when his own deadline passes', async () => {
    const held = holding()
    const patient = world.ask()
    const response = await held
    const exchange = { deadlineAt: performance.now() + 30 }
    await expect(world.ask({ exchange })).rejects.toMatchObject({ code: 'upstream_timeout', statusCode: 504 })
    response.writeHead(200, fresh).end('hello')
    expect((await patient).body).toBe('hello')
  })

  it('shares a 5xx, body and all, with those who wait, and with nobody after', async () => {
    const held = holding()
    const answers = [world.ask(), world.ask()]
    const response = await held
    await until(() => world.cache.waiting === 2)
    response.writeHead(503, { 'retry-after': '3' }).end('busy')
    for (const answer of await Promise.all(answers))
      expect(answer).toMatchObject({ status: 503, body: 'busy', headers: { 'retry-after': '3' } })
    expect(world.requests).toHaveLength(1)
    answering(fresh)
    expect((await world.ask()).body).toBe('hello')
  })

  it('tells those who wait only the status of a 5xx that is private', async () => {
    const held = holding()
    const leader = world.ask()
    const response = await held
    const follower = world.ask()
    follower.catch(() => {})
    await until(() => world.cache.waiting === 2)
    response.writeHead(500, { 'cache-control': 'private' }).end('secret')
    expect(await leader).toMatchObject({ status: 500, body: 'secret' })
    await expect(follower).rejects.toMatchObject({ code: 'fill_failed', statusCode: 500 })
  })

  it('gives the leader the error itself, and those who wait its status', async () => {
    const held = holding()
    const leader = world.ask()
    leader.catch(() => {})
    const response = await held
    const follower = world.ask()
    follower.catch(() => {})
    await until(() => world.cache.waiting === 2)
    response.destroy()
    await expect(leader).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' })
    await expect(follower).rejects.toMatchObject({
      code: 'fill_failed',
      statusCode: 502,
    })
  })

  it('sends readers who waited for an answer that is not theirs to the origin', async () => {
    const held = holding()
    const leader = world.ask()
    const response = await held
    const follower = world.ask()
    await until(() => world.cache.waiting === 2)
    answering({}, 'yours')
    response.writeHead(200, { 'cache-control': 'no-store' }).end('mine')
    expect([(await leader).body, (await follower).body]).toEqual(['mine', 'yours'])
  })

  it('cancels a live answer when its reader leaves in the middle', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    world.respond = (_, response) => {
      response.writeHead(200, { 'cache-control': 'no-store' }).write('first')
      response.once('close', resolve)
    }
    const { promise: failed, resolve: fail } = Promise.withResolvers<Error>()
    world.dispatcher.dispatch(world.options(), {
      onRequestStart: () => {},
      onResponseStart: () => {},
      onResponseData: (controller) => controller.abort(new Error('client gone')),
      onResponseEnd: () => {},
      onResponseError: (_, error) => fail(error),
    })
    expect((await failed).message).toBe('client gone')
    await closed
  })
})

describe('conditional requests and HEAD', () => {
  const conditional = { 'if-none-match': `"v0", W/${ETAG}` }

  it.each([
    ['a stored answer', fresh],
    ['an answer that may not be stored', { 'cache-control': 'no-store' }],
  ])('answers If-None-Match with 304 from %s (RFC 9110, 13.1.2)', async (_, headers) => {
    answering({ ...headers, etag: ETAG })
    const miss = await world.ask({ headers: conditional })
    expect(miss).toMatchObject({ status: 304, body: '', headers: { etag: ETAG } })
    expect(miss.headers).not.toHaveProperty('content-length')
    if (headers !== fresh) return
    expect(await world.ask({ headers: conditional })).toMatchObject({ status: 304, body: '', headers: { age: now } })
    expect((await world.ask({ headers: { 'if-none-match': '"other"' } })).status).toBe(200)
    expect(world.requests).toHaveLength(1)
  })

  it('answers HEAD from a stored GET, and a HEAD that misses fills for GET (RFC 9110, 9.3.2)', async () => {
    answering(fresh)
    const miss = await world.ask({ method: 'HEAD' })
    const hit = await world.ask({ method: 'HEAD' })
    expect(miss).toMatchObject({ status: 200, body: '' })
    expect(hit).toMatchObject({ status: 200, body: '', headers: { 'content-length': '5' } })
    expect((await world.ask()).body).toBe('hello')
    expect(world.requests.map(({ method }) => method)).toEqual(['GET'])
  })
})

describe('Vary (RFC 9111, 4.1)', () => {
  beforeEach(() => {
    world.respond = (request, response) => {
      response.writeHead(200, { ...fresh, vary: 'Accept-Language' }).end(request.headers['accept-language'])
    }
  })
  const speak = (language: string) => world.ask({ headers: { 'accept-language': language } })

  it('keeps an answer for each value of the fields named', async () => {
    expect((await speak('de')).exchange.cacheStatus).toBe('fwd=uri-miss')
    expect((await speak('de')).exchange.cacheStatus).toBe('fwd=vary-miss; stored')
    expect((await speak('fr')).body).toBe('fr')
    const before = world.requests.length
    const hits = [await speak('de'), await speak('DE '), await speak('fr')]
    expect(hits.map(({ body }) => body)).toEqual(['de', 'de', 'fr'])
    expect(world.requests).toHaveLength(before)
  })

  it('sends readers who waited for another variant to their own', async () => {
    const held = new Promise<ServerResponse>((resolve) => {
      world.respond = (_, response) => resolve(response)
    })
    const german = speak('de')
    const response = await held
    const french = [speak('fr'), speak('fr')]
    await until(() => world.cache.waiting === 3)
    world.respond = (request, answer) =>
      void answer.writeHead(200, { ...fresh, vary: 'accept-language' }).end(request.headers['accept-language'])
    response.writeHead(200, { ...fresh, vary: 'accept-language' }).end('de')
    expect((await german).body).toBe('de')
    expect((await Promise.all(french)).map(({ body }) => body)).toEqual(['fr', 'fr'])
    expect(world.requests).toHaveLength(2)
  })

  it('makes a new mark when answers begin to vary by something else', async () => {
    await speak('de')
    await speak('de')
    await world.cache.purge({ tags: ['item:a'] })
    world.respond = (_, response) => response.writeHead(200, { ...fresh, vary: 'accept' }).end('plain')
    expect((await speak('de')).exchange.cacheStatus).toBe('fwd=vary-miss')
    await speak('de')
    await speak('de')
    expect((await speak('en')).exchange.cacheStatus).toMatch(/^hit/)
  })
})

describe('what is never cached', () => {
  it('passes by, read or written, with nothing kept, nothing purged and nothing told to clients', async () => {
    answering(fresh)
    const agent = new Agent()
    const dispatcher = agent.compose(bypassCache())
    for (const method of ['GET', 'GET', 'POST', 'DELETE'] as const) {
      const exchange = createExchange({ scope: 'public' })
      const options = { origin: world.origin, path: '/', method, exchange }
      const { headers, body } = await dispatcher.request(options)
      expect(await body.text()).toBe('hello')
      expect(headers).not.toHaveProperty('cdn-cache-control')
      expect(headers['cache-control']).toBe('private, no-cache')
      expect(exchange.cacheStatus).toBe('fwd=bypass')
    }
    await agent.close()
    expect(world.requests).toHaveLength(4)
    expect(world.cache.entries.size).toBe(0)
    expect(world.cache.purges).toEqual([])
  })
})

describe('writing (RFC 9111, 4.4)', () => {
  it('purges the URL and the tags of the answer before the answer is delivered, whatever its status', async () => {
    for (const status of [200, 404, 412, 500]) {
      answering({ 'cache-tag': 'item:a, items' }, 'done', status)
      const { promise, resolve } = Promise.withResolvers<void>()
      world.cache.confirmed = () => promise
      let delivered = false
      const answer = world.ask({ method: 'PUT', path: '/a', exchange: null }).finally(() => {
        delivered = true
      })
      await until(() => world.cache.purges.length > 0)
      // Long enough for the answer to arrive, if it did not wait.
      await world.ask({ method: 'OPTIONS' })
      expect(delivered).toBe(false)
      expect(world.cache.purges.pop()).toEqual({ tags: [`${world.origin}/a`, 'item:a', 'items'] })
      resolve()
      expect(await answer).toMatchObject({ status, body: 'done' })
      expect((await answer).headers).not.toHaveProperty('cache-tag')
    }
  })

  it('makes the next read ask the origin', async () => {
    answering(fresh, 'old')
    await world.ask()
    answering({}, 'written')
    expect((await world.ask({ method: 'PATCH' })).exchange.cacheStatus).toBe('fwd=method')
    answering(fresh, 'new')
    expect((await world.ask()).body).toBe('new')
  })

  it('purges what Location and Content-Location name of the same origin', async () => {
    answering(fresh, 'old')
    for (const path of ['/items/7', '/items?page=1']) await world.ask({ path })
    answering({ location: '/items/7', 'content-location': `${world.origin}/items?page=1` }, '', 201)
    await world.ask({ method: 'POST', path: '/items' })
    answering(fresh, 'new')
    for (const path of ['/items/7', '/items?page=1']) expect((await world.ask({ path })).body).toBe('new')
  })

  it('does not keep what a fill read before the write', async () => {
    const held = new Promise<ServerResponse>((resolve) => {
      world.respond = (_, response) => resolve(response)
    })
    const early = world.ask()
    const response = await held
    answering({}, 'written')
    await world.ask({ method: 'PUT' })
    response.writeHead(200, fresh).end('old')
    expect((await early).exchange.cacheStatus).toBe('fwd=uri-miss')
    answering(fresh, 'new')
    expect((await world.ask()).body).toBe('new')
  })

  it('purges before it tells of an error, and after the client has left', async () => {
    world.respond = (_, response) => response.destroy()
    await expect(world.ask({ method: 'POST' })).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' })
    expect(world.cache.purges).toHaveLength(1)
    const asked = new Promise<void>((resolve) => {
      world.respond = () => resolve()
    })
    const { answer, controller } = world.start({ method: 'POST' })
    await asked
    controller.abort(new Error('client gone'))
    await expect(answer).rejects.toThrow('client gone')
    await until(() => world.cache.purges.length === 2)
  })

  it('fails as the purge does where that is not confirmed', async () => {
    answering({}, 'written', 201)
    world.cache.confirmed = () => Promise.reject(new Error('not confirmed'))
    await expect(world.ask({ method: 'POST' })).rejects.toThrow('not confirmed')
  })

  it('purges nothing after a request that no endpoint can have seen', async () => {
    const refuse: Dispatcher.DispatcherComposeInterceptor = () => (_, handler) => {
      const controller = { aborted: false, paused: false, reason: null, abort() {}, pause() {}, resume() {} }
      handler.onResponseError?.(controller, new UpstreamError('connection_refused', { sent: false }))
      return true
    }
    const attempt = (tried: string[]) => {
      const { promise, resolve } = Promise.withResolvers<Error>()
      const refused = new Agent().compose(refuse, httpCache({ cache: world.cache }))
      refused.dispatch(world.options({ method: 'PUT', exchange: { tried } }), {
        onRequestStart: () => {},
        onResponseError: (_, error) => resolve(error),
      })
      return promise
    }
    expect(await attempt(['a'])).toMatchObject({ type: 'connection_refused' })
    expect(world.cache.purges).toHaveLength(0)
    // The first of two endpoints may have done it.
    expect(await attempt(['a', 'b'])).toMatchObject({ type: 'connection_refused' })
    expect(world.cache.purges).toHaveLength(1)
  })

  it('purges, and breaks off, where the client leaves while the purge is under way', async () => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>()
    world.respond = (_, response) => {
      response.once('close', close)
      response.writeHead(200).write('first')
    }
    const { promise: confirmed, resolve: confirm } = Promise.withResolvers<void>()
    world.cache.confirmed = () => confirmed
    const { answer, controller } = world.start({ method: 'POST' })
    await until(() => world.cache.purges.length === 1)
    controller.abort(new Error('client gone'))
    await expect(answer).rejects.toThrow('client gone')
    confirm()
    await closed
  })

  it('passes OPTIONS and TRACE by', async () => {
    await world.ask({ method: 'OPTIONS' })
    expect(world.cache.purges).toHaveLength(0)
  })
})

it('serves undici’s own clients', async () => {
  answering(fresh)
  const ask = () =>
    request(world.origin, { dispatcher: world.dispatcher, exchange: createExchange({ scope: 'public' }) } as object)
  const bodies = [await (await ask()).body.text(), await (await ask()).body.text()]
  expect(bodies).toEqual(['hello', 'hello'])
  expect(world.requests).toHaveLength(1)
  const fetched = await fetch(`${world.origin}/other`, { method: 'PUT', body: 'x', dispatcher: world.dispatcher })
  expect(await fetched.text()).toBe('hello')
  expect(fetched.headers.get('cache-control')).toBe('private, no-cache')
  expect(fetched.headers.has('cache-tag')).toBe(false)
  expect(world.cache.purges).toEqual([{ tags: [`${world.origin}/other`, 'item:a'] }])
})
