/** Pages of other origins before routes that share their answers with some: who may read what, and who may not (Fetch, 3.2). */
import type { OutgoingHttpHeaders } from 'node:http'
import { describe, expect, it } from 'vitest'
import { ask as askAt } from './ask.ts'
import { gatewayOver } from './cached-upstream.ts'
import { json } from './upstream.ts'

const APP = 'https://app.example'
const LOCAL = 'http://localhost:3000'
const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
  nowhere: { endpoints: http://127.0.0.1:9 }
routes:
  - path: /items/{id}
    methods: [GET]
    upstream: db
    auth: public
    cors: { origins: ["${APP}", "${LOCAL}"], exposed: [etag, x-request-id], maxAge: 10m }
  - path: /items/{key}
    methods: [PUT, PATCH, POST]
    upstream: db
    auth: signed-in
    cors: { origins: ["${APP}"], methods: [PUT], headers: [authorization, x-trace], credentials: true }
  - { path: "/items/{id}", methods: [DELETE], upstream: db, auth: public }
  - { path: /open, methods: [GET], upstream: db, auth: public, cache: none, cors: { origins: ["*"] } }
  - { path: /own, methods: [GET], auth: public, answer: { body: hello, headers: { vary: accept } }, cors: { origins: ["${APP}"] } }
  - { path: /away, methods: [GET], upstream: nowhere, auth: public, cors: { origins: ["${APP}"] } }
  - { path: /shop, methods: [GET], upstream: db, auth: public, mount: /v1, cors: { origins: ["${APP}"] } }
  - { path: /options, methods: [GET, OPTIONS], upstream: db, auth: signed-in, cors: { origins: ["${APP}"] } }
  - { path: /theirs, methods: [GET, OPTIONS], upstream: db, auth: public, cache: none }
`

const { gateway, upstream } = await gatewayOver(routes, ({ method, url }, response) => {
  json(
    response,
    url === '/items/missing' ? 404 : 200,
    { method, url },
    {
      'cdn-cache-control': 'public, max-age=60',
      vary: 'Accept',
      // One that shares with everybody, if it were asked.
      'access-control-allow-origin': '*',
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'x-secret',
    },
  )
})

async function ask(path: string, headers: OutgoingHttpHeaders = {}, method = 'GET') {
  const answer = await askAt(gateway.url, path, { method, headers })
  const said = Object.entries(answer.headers).filter(([name]) => name.startsWith('access-control-'))
  return { ...answer, said: Object.fromEntries(said), vary: String(answer.headers.vary) }
}
const preflight = (path: string, origin: string, method: string) =>
  ask(path, { origin, 'access-control-request-method': method }, 'OPTIONS')

describe('an answer of a shared route', () => {
  it('may be read by pages of the origins that the route names', async () => {
    for (const origin of [APP, LOCAL]) {
      const { status, said, vary } = await ask('/items/a', { origin })
      expect(status).toBe(200)
      expect(said).toEqual({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'etag, x-request-id',
      })
      expect(vary).toMatch(/Accept.*Origin/)
    }
    expect((await ask('/items/a', { origin: APP }, 'HEAD')).said).toMatchObject({ 'access-control-allow-origin': APP })
  })

  it.each([
    'null',
    'https://app.example.evil.example',
    'https://evilapp.example',
    'https://sub.app.example',
    'http://app.example',
    'https://app.example:8443',
    'https://app.example/',
    'https://APP.example',
    `${APP}, https://evil.example`,
    `https://evil.example ${APP}`,
    'https://app.example.',
    '*',
    '',
  ])('is not shared with %j', async (origin) => {
    const { status, said, vary } = await ask('/items/a', { origin })
    expect([status, said]).toEqual([200, {}])
    expect(vary).toContain('Origin')
    expect((await preflight('/items/a', origin, 'GET')).said).toEqual({})
  })

  it('says to every cache before us that it differs by origin', async () => {
    for (const path of ['/items/a', '/open', '/own', '/away', '/shop/x']) {
      expect((await ask(path)).vary).toContain('Origin')
    }
    expect((await ask('/own', { origin: APP })).vary).toBe('accept, Origin')
  })

  it('comes out of the cache with the fields of whoever asks', async () => {
    // The first brings what it varies by, the second is stored.
    for (const origin of [APP, LOCAL]) await ask('/items/shared', { origin })
    upstream.asked.length = 0
    const answers = []
    for (const origin of [APP, LOCAL, 'https://evil.example', APP]) answers.push(await ask('/items/shared', { origin }))
    const plain = await ask('/items/shared')
    for (const { hit } of [...answers, plain]) expect(hit).toBe(true)
    expect([...answers, plain].map(({ said }) => said['access-control-allow-origin'])).toEqual([
      APP,
      LOCAL,
      undefined,
      APP,
      undefined,
    ])
    expect(upstream.asked).toEqual([])
  })

  it('may be read where it is an error, too', async () => {
    const shared = { 'access-control-allow-origin': APP }
    expect(await ask('/items/a', { origin: APP }, 'PUT')).toMatchObject({ status: 401, said: shared })
    expect(await ask('/items/missing', { origin: APP })).toMatchObject({ status: 404, said: shared })
    expect(await ask('/away', { origin: APP })).toMatchObject({ said: shared, code: expect.any(String) })
    expect(await ask(`/shop/..%2fx`, { origin: APP })).toMatchObject({ status: 400, said: shared })
  })

  it('is for everybody where the route says so, without credentials', async () => {
    expect((await ask('/open', { origin: 'https://any.example' })).said).toEqual({ 'access-control-allow-origin': '*' })
    expect((await preflight('/open', 'null', 'GET')).status).toBe(204)
  })

  it('is not shared for methods that cors leaves out', async () => {
    const authorization = `Bearer ${gateway.token()}`
    expect((await ask('/items/a', { origin: APP, authorization }, 'POST')).said).toEqual({})
    expect((await ask('/items/a', { origin: APP, authorization }, 'PUT')).said).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
    })
  })
})

describe('a preflight', () => {
  it('is answered for the method that it names, before anybody is asked for a token', async () => {
    const get = await preflight('/items/a', APP, 'GET')
    expect(get).toMatchObject({ status: 204, text: '' })
    expect(get.said).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': '600',
    })
    const put = await preflight('/items/a', APP, 'PUT')
    expect(put.said).toEqual({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'authorization, x-trace',
    })
    for (const { vary } of [get, put]) {
      expect(vary).toBe('Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
    }
    expect(upstream.asked).toEqual([])
  })

  it.each([
    ['/items/a', LOCAL, 'PUT'],
    ['/items/a', APP, 'DELETE'],
    ['/items/a', APP, 'PURGE'],
    ['/items/a', 'https://evil.example', 'GET'],
  ])('of %s from %s with %s is refused', async (path, origin, method) => {
    const { status, code, said, vary } = await preflight(path, origin, method)
    expect([status, code, said]).toEqual([403, 'cors_refused', {}])
    expect(vary).toContain('Origin')
  })

  it('is answered at and below a mounted path', async () => {
    for (const path of ['/shop', '/shop/a/b']) {
      expect((await preflight(path, APP, 'GET')).said).toMatchObject({ 'access-control-allow-origin': APP })
    }
    expect(upstream.asked).toEqual([])
  })

  it('is answered here where the route itself takes OPTIONS, which else is a request like any other', async () => {
    expect((await preflight('/options', APP, 'GET')).status).toBe(204)
    expect(upstream.asked).toEqual([])
    expect((await ask('/options', { origin: APP }, 'OPTIONS')).status).toBe(401)
    const authorization = `Bearer ${gateway.token()}`
    expect((await ask('/options', { authorization }, 'OPTIONS')).status).toBe(200)
    expect(upstream.asked).toMatchObject([{ method: 'OPTIONS' }])
  })
})

describe('OPTIONS', () => {
  it('that is no preflight tells what a shared path takes', async () => {
    const { status, headers } = await ask('/items/a', { origin: APP }, 'OPTIONS')
    expect([status, headers.allow]).toEqual([204, 'GET, PUT, PATCH, POST, DELETE, OPTIONS'])
  })

  it('and what it says are the upstream’s where a route is not shared', async () => {
    const { said } = await preflight('/theirs', APP, 'GET')
    expect(said).toMatchObject({ 'access-control-allow-origin': '*', 'access-control-expose-headers': 'x-secret' })
    expect(upstream.asked).toMatchObject([{ method: 'OPTIONS', url: '/theirs' }])
    expect((await preflight('/login', APP, 'POST')).status).toBe(405)
  })
})
