/** Fields that keep browsers and caches from making more of an answer than it is; and methods that are what they are. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ask as askAt } from './ask.ts'
import { type Gateway, startGateway, usable } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
  nowhere: { endpoints: http://127.0.0.1:9, check: none }
routes:
  - { path: "/items/{id}", methods: [GET, POST], upstream: db, auth: public }
  - { path: /says, methods: [GET], upstream: db, auth: public, cache: none }
  - { path: /free, methods: [GET], upstream: db, auth: public, headers: { response: { remove: [x-content-type-options] } } }
  - { path: /own, methods: [GET], upstream: db, auth: public, headers: { response: { set: { X-Content-Type-Options: mine } } } }
  - { path: /shop, methods: [GET], upstream: db, auth: public, mount: / }
  - { path: /away, methods: [GET], upstream: nowhere, auth: public }
  - { path: /closed, methods: [GET], upstream: db, auth: signed-in }
  - { path: /page, methods: [GET], auth: public, answer: { body: hello, headers: { content-security-policy: "default-src 'self'" } } }
  - { path: /gone, methods: [GET], auth: public, answer: { status: 410, headers: { cache-control: max-age=60 } } }
`
const THEIRS = {
  'x-content-type-options': 'theirs',
  'strict-transport-security': 'max-age=1',
  'x-frame-options': 'DENY',
}

let cache: Service
let upstream: Upstream
let gateway: Gateway

beforeAll(async () => {
  cache = await startService('cache/src/main.ts')
  upstream = await startUpstream(({ method, url, headers }, response) => {
    const said = { 'cdn-cache-control': 'public, max-age=60', ...(url === '/says' ? THEIRS : {}) }
    json(response, url === '/items/missing' ? 404 : 200, { method, headers }, said)
  })
  gateway = await startGateway({
    db: upstream.url,
    cache: cache.url,
    routes,
    settings: { HSTS_MAX_AGE: '31536000' },
  })
  await usable(gateway)
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
  await cache?.stop()
})
beforeEach(() => {
  upstream.asked.length = 0
})

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  askAt(gateway.url, path, { method, headers })

describe('an answer', () => {
  it.each([
    ['of an upstream', '/items/a'],
    ['of an upstream that is an error', '/items/missing'],
    ['out of the cache', '/items/a'],
    ['of a mounted upstream', '/shop/x'],
    ['of an upstream that is away', '/away'],
    ['to whoever has not signed in', '/closed'],
    ['of a route’s own', '/page'],
    ['where there is no route', '/nothing'],
    ['to a path that cannot be read', '/items/%zz'],
    ['of an operator’s path', '/ready'],
    ['of a built-in path', '/openapi.json'],
    ['of a page', '/docs/'],
  ])('%s is what its type says', async (_, path) => {
    expect((await ask(path)).headers['x-content-type-options']).toBe('nosniff')
  })

  it('to bytes that are no request is, too', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('nonsense\r\n\r\n')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\nx-content-type-options: nosniff\r\n/)
  })

  it('keeps what an upstream says itself, each field once', async () => {
    const { headers, rawHeaders } = await ask('/says', { 'x-forwarded-proto': 'https' })
    expect(headers).toMatchObject(THEIRS)
    for (const name of Object.keys(THEIRS)) expect(rawHeaders.filter((each) => each === name)).toHaveLength(1)
    expect(headers).not.toHaveProperty('content-security-policy')
  })

  it('says what its route says', async () => {
    expect((await ask('/free')).headers).not.toHaveProperty('x-content-type-options')
    expect((await ask('/own')).headers['x-content-type-options']).toBe('mine')
    expect((await ask('/page')).headers['content-security-policy']).toBe("default-src 'self'")
    expect((await ask('/gone')).headers['cache-control']).toBe('max-age=60')
  })

  it('of the gateway itself runs, loads and frames nothing, but for its page', async () => {
    for (const path of ['/nothing', '/closed', '/ready', '/away']) {
      expect((await ask(path)).headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors 'none'")
    }
    expect((await ask('/docs/')).headers['content-security-policy']).toMatch(/^default-src 'self'; .*script-src 'self'/)
    expect((await ask('/items/a')).headers).not.toHaveProperty('content-security-policy')
  })

  it('that refuses is kept by no cache', async () => {
    for (const [path, method] of [
      ['/nothing', 'GET'],
      ['/closed', 'GET'],
      ['/items/a', 'PUT'],
      ['/login', 'POST'],
      ['/away', 'GET'],
    ]) {
      const { status, headers } = await ask(path as string, {}, method)
      expect([status >= 400, headers['cache-control']]).toEqual([true, 'no-store'])
    }
  })

  it('tells browsers to come over TLS where they did, as a trusted proxy says', async () => {
    const told = async (path: string, proto: string) =>
      (await ask(path, { 'x-forwarded-proto': proto })).headers['strict-transport-security']
    for (const path of ['/items/a', '/nothing', '/shop/x']) {
      expect(await told(path, 'https')).toBe('max-age=31536000')
      expect(await told(path, 'http')).toBeUndefined()
    }
  })

  it('tells no browser to come over TLS by default', async () => {
    const plain = await startGateway({ db: upstream.url, routes })
    try {
      const { headers } = await askAt(plain.url, '/page', { headers: { 'x-forwarded-proto': 'https' } })
      expect(headers).not.toHaveProperty('strict-transport-security')
    } finally {
      await plain.close()
    }
  })
})

describe('a method', () => {
  it('that would show the request is refused', async () => {
    for (const path of ['/items/a', '/shop/x', '/nothing', '/login']) {
      expect(await ask(path, { authorization: 'secret' }, 'TRACE')).toMatchObject({
        status: 405,
        code: 'method_not_forwarded',
        headers: { connection: 'close' },
      })
    }
    expect(upstream.asked).toEqual([])
  })

  it.each(['X-HTTP-Method-Override', 'x-http-method', 'X-METHOD-OVERRIDE'])(
    'is not another one for %s',
    async (field) => {
      for (const path of ['/items/overridden', '/shop/x', '/own']) {
        for (const method of ['GET', 'HEAD', ...(path === '/items/overridden' ? ['POST'] : [])]) {
          await ask(`${path}?_method=DELETE`, { [field]: 'DELETE' }, method)
        }
      }
      for (const { method, headers } of upstream.asked) {
        expect(['GET', 'HEAD', 'POST']).toContain(method)
        expect(headers).not.toHaveProperty(field.toLowerCase())
      }
    },
  )
})
