/** Declared routes before a foreign upstream: what is validated, what is sent on as it came, what is told on failure. */
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: http://127.0.0.1:9 }
  shop:
    endpoints: \${UPSTREAM}
routes:
  - path: /items/{id}
    methods: [GET]
    upstream: shop
    auth: public
    cache: none
    timeout: 300ms
    request:
      params: { type: object, properties: { id: { type: string, maxLength: 8 } } }
      query:
        type: object
        properties: { key: { type: string }, limit: { type: integer, maximum: 10 }, deep: { type: boolean } }
        additionalProperties: false
  - path: /items/{id}
    methods: [POST]
    upstream: shop
    auth: public
    bodyLimit: 1kB
    request:
      body:
        type: object
        properties: { value: { type: integer, maximum: 5 } }
        required: [value]
        additionalProperties: false
  - { path: /limited, methods: [PUT], upstream: shop, auth: public, bodyLimit: 10B }
  - { path: /stream, methods: [PUT, GET, DELETE], upstream: shop, auth: public, cache: none }
  - { path: /forwarded, methods: [GET], upstream: shop, auth: signed-in, identity: forward, cache: none }
  - { path: /kept, methods: [GET], upstream: shop, auth: signed-in, cache: none }
  - { path: /nowhere, methods: [GET], upstream: db, auth: public, cache: none }
`

let cache: Service
let upstream: Upstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await startUpstream(({ method, url, body }, response) => {
    if (url === '/items/slow') return
    json(response, 200, { method, url, body: body.slice(0, 100), length: body.length })
  })
  cache = await startService('cache/src/main.ts')
  gateway = await startGateway({ db: upstream.url, cache: cache.url, routes })
  await until(
    async () => (await fetch(`${gateway.url}/stream`)).status,
    (status) => status === 200,
  )
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
  await cache?.stop()
})
beforeEach(() => {
  upstream.asked.length = 0
})

/** Past fetch, which would mend the path and refuse the headers. */
async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string | Buffer) {
  const sent = request(new URL(gateway.url), { method, path, headers })
  sent.end(body)
  const [answer] = await once(sent, 'response')
  const received = await text(answer)
  const parsed = /json/.test(answer.headers['content-type']) && received !== '' ? JSON.parse(received) : received
  return { status: answer.statusCode as number, headers: answer.headers, body: parsed }
}

const LONG_PATH = `/items/${'a'.repeat(9000)}`
const JSON_BODY = { 'content-type': 'application/json' }

describe('a declared route', () => {
  it('says who answered, not where an upstream is that has not named itself', async () => {
    const { status, headers } = await ask('GET', '/items/a')
    expect(status).toBe(200)
    expect(headers['x-served-by']).toBe('gateway-1')
    expect(headers['server-timing']).toMatch(/gateway-1;dur=/)
    expect(headers['cache-status']).toMatch(/^gateway-1; fwd=/)
    expect(headers['x-request-id']).toBeTruthy()
  })

  it('sends path and query on exactly as they came', async () => {
    for (const path of ['/items/a%2Fb', '/items/%61?key=x%20y+z&limit=3', '/items/a%3Fb', '/items/.a']) {
      expect((await ask('GET', path)).body.url).toBe(path)
    }
  })

  it('sends nothing on that its upstream could take for another route’s', async () => {
    for (const path of [
      '/items/..',
      '/items/%2e%2E',
      '/items/..\\x',
      '/items/..%2fx',
      '/items/..;x',
      '/items/',
      '/items/a\\b',
    ]) {
      expect(await ask('GET', path), path).toMatchObject({ status: 400, body: { code: 'ambiguous_path' } })
    }
    expect(upstream.asked).toEqual([])
  })

  it('answers HEAD where it answers GET', async () => {
    const { status, body } = await ask('HEAD', '/items/a')
    expect(status).toBe(200)
    expect(body).toBe('')
    expect(upstream.asked[0]?.method).toBe('HEAD')
  })

  it.each([
    ['/items/123456789', 'params', '/id', /8/],
    ['/items/a?key=1&key=2', 'querystring', '/key', /must be string/],
    ['/items/a?limit=11', 'querystring', '/limit', /10/],
    ['/items/a?limit=1e1', 'querystring', '/limit', /integer/],
    ['/items/a?limit=', 'querystring', '/limit', /integer/],
    ['/items/a?deep=yes', 'querystring', '/deep', /boolean/],
    ['/items/a?other=1', 'querystring', '/other', /not known here; known are key, limit, deep/],
    ['/items/a?__proto__=1', 'querystring', '/__proto__', /not known here/],
    ['/items/a?constructor=1', 'querystring', '/constructor', /not known here/],
  ])('refuses %s, naming the field and the limit', async (path, where, field, message) => {
    const { status, body } = await ask('GET', path)
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ in: where, path: field }] })
    expect(body.errors[0].message).toMatch(message)
    expect(upstream.asked).toEqual([])
  })

  it('sends a checked body on byte for byte', async () => {
    const raw = '{ "value" :\n 5.0 }'
    const { status, body } = await ask('POST', '/items/a', { 'content-type': 'application/merge-patch+json' }, raw)
    expect(status).toBe(200)
    expect(body.body).toBe(raw)
    expect(upstream.asked[0]?.headers['content-type']).toBe('application/merge-patch+json')
  })

  it.each([
    ['{"value":6}', JSON_BODY, 400, 'validation_failed'],
    ['{"value":1,"x":1}', JSON_BODY, 400, 'validation_failed'],
    ['{}', JSON_BODY, 400, 'validation_failed'],
    ['[]', JSON_BODY, 400, 'validation_failed'],
    ['{"value":1,"__proto__":{"admin":true}}', JSON_BODY, 400, 'ambiguous_json'],
    ['{"value":1,"constructor":{"prototype":{}}}', JSON_BODY, 400, 'ambiguous_json'],
    ['{"value":1,"value":2}', JSON_BODY, 400, 'ambiguous_json'],
    [`{"value":${'['.repeat(300)}${']'.repeat(300)}}`, JSON_BODY, 400, 'json_too_complex'],
    ['{"value":1', JSON_BODY, 400, 'malformed_json'],
    ['', JSON_BODY, 400, 'malformed_json'],
    ['', {}, 400, 'validation_failed'],
    ['{"value":1}', { 'content-type': 'application/json; charset=utf-7' }, 415, 'unsupported_media_type'],
    ['{"value":1}', { ...JSON_BODY, 'content-encoding': 'gzip' }, 415, 'unsupported_media_type'],
    ['value=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
    [`{"value":${' '.repeat(1000)}1}`, JSON_BODY, 413, 'body_too_large'],
  ])('refuses the body %j', async (raw, headers, status, code) => {
    const answer = await ask('POST', '/items/a', headers, raw)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer).toMatchObject({ status, body: { code, status } })
    expect(upstream.asked).toEqual([])
  })

  it('keeps a limited body of any type under its limit, chunked or not', async () => {
    expect(await ask('PUT', '/limited', { 'content-type': 'image/png' }, '0123456789')).toMatchObject({ status: 200 })
    expect(await ask('PUT', '/limited', {}, '0123456789x')).toMatchObject({ status: 413 })
    const chunked = await ask('PUT', '/limited', { 'transfer-encoding': 'chunked' }, '0123456789x')
    expect(chunked).toMatchObject({ status: 413, body: { code: 'body_too_large' } })
    expect(upstream.asked.length).toBe(1)
  })

  it('streams bodies without limit and schema, whatever they are', async () => {
    const body = Buffer.alloc(3_000_000, 'x')
    const { status, body: told } = await ask('PUT', '/stream', { 'content-type': 'application/json' }, body)
    expect(status).toBe(200)
    expect(told.length).toBe(3_000_000)
    const removal = await ask('DELETE', '/stream', { 'content-length': '11' }, 'with a body')
    expect(removal.body.body).toBe('with a body')
  })

  it('sends the token on only where the route says so', async () => {
    const authorization = `Bearer ${gateway.token()}`
    await ask('GET', '/forwarded', { authorization })
    await ask('GET', '/kept', { authorization })
    expect(upstream.asked.map(({ headers }) => headers.authorization)).toEqual([authorization, undefined])
  })

  it('does not let a header or a query change the method', async () => {
    await ask('GET', '/stream?_method=DELETE', { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' })
    expect(upstream.asked.map(({ method }) => method)).toEqual(['GET'])
  })

  it('gives up on an upstream that is slower than its timeout', async () => {
    const started = performance.now()
    expect(await ask('GET', '/items/slow')).toMatchObject({ status: 504, body: { code: 'upstream_timeout' } })
    expect(performance.now() - started).toBeLessThan(3000)
  })

  it('answers 502 or 503 for an upstream that is away, and says which hop failed', async () => {
    const { status, headers, body } = await ask('GET', '/nowhere')
    expect([502, 503]).toContain(status)
    expect(body.code).toMatch(/^(upstream_unreachable|no_usable_upstream)$/)
    expect(headers['proxy-status']).toMatch(/^gateway-1; error=/)
  })
})

describe('what is no route', () => {
  it.each([
    ['GET', '/nothing', 404, 'route_not_found'],
    ['GET', '/items', 404, 'route_not_found'],
    ['GET', '/items/a/b', 404, 'route_not_found'],
    ['PUT', '/items/a', 405, 'method_not_allowed'],
    ['GET', '/login', 405, 'method_not_allowed'],
    ['TRACE', '/items/a', 405, /method_not_(allowed|forwarded)/],
    ['GET', LONG_PATH, 414, 'url_too_long'],
    ['GET', '/items/%zz', 400, 'bad_request'],
  ])('%s %s is answered with a problem', async (method, path, status, code) => {
    const answer = await ask(method, path)
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(answer).toMatchObject({ status, body: { status, requestId: answer.headers['x-request-id'] } })
    expect(answer.body.code).toMatch(code)
    if (status === 405) expect(answer.headers.allow).toBeTruthy()
  })
})
