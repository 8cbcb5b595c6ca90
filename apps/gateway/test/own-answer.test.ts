/** Routes that answer by themselves, and routes that change fields on their way up and down. */
import { describe, expect, it } from 'vitest'
import { ask } from './ask.ts'
import { gatewayOver } from './cached-upstream.ts'
import { json } from './upstream.ts'

const tenant = (path: string, name: string, auth = 'public') =>
  `{ path: "${path}", methods: [GET], upstream: db, auth: ${auth}, rewrite: "/v1/{id}", headers: { request: { set: { x-tenant: ${name} } } } }`
const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
routes:
  - { path: "/old/{id}", methods: [GET, POST], auth: public, redirect: { to: "https://shop.example/new/{id}", status: 308 } }
  - { path: "/moved/{a}/{b}", methods: [GET], auth: public, redirect: { to: "/{b}/{a}?fixed" } }
  - { path: /closed, methods: [GET], auth: signed-in, redirect: { to: / } }
  - { path: /robots.txt, methods: [GET, POST], auth: public, answer: { body: "User-agent: *\\n" } }
  - path: /down
    methods: [GET]
    auth: { role: editor }
    answer: { status: 503, body: '{}', headers: { Content-Type: application/json, retry-after: '60' } }
  - path: /changed/{id}
    methods: [GET]
    upstream: db
    auth: public
    cache: { scope: public }
    headers:
      request: { set: { X-Tenant: blue }, remove: [cookie] }
      response: { set: { X-Frame-Options: DENY }, remove: [X-Powered-By] }
  - { path: /mounted, methods: [GET], upstream: db, auth: public, mount: /, headers: { response: { remove: [x-powered-by] } } }
  - ${tenant('/red/{id}', 'red')}
  - ${tenant('/blue/{id}', 'blue')}
  - ${tenant('/own/{id}', 'red', 'signed-in')}
  - { path: "/plain/{id}", methods: [GET], upstream: db, auth: signed-in, rewrite: "/v1/{id}" }
`

const { gateway, upstream } = await gatewayOver(routes, ({ headers }, response) => {
  json(response, 200, headers, { 'cdn-cache-control': 'public, max-age=60', 'x-powered-by': 'old age' })
})

const as = (...roles: string[]) => ({ headers: { authorization: `Bearer ${gateway.token(roles)}` } })

describe('a redirect', () => {
  const led = async (path: string) => {
    const { status, headers } = await ask(gateway.url, path)
    return [status, headers.location]
  }

  it('leads where the file says, with what the client wrote', async () => {
    expect(await led('/old/a%20b?x=1&y')).toEqual([308, 'https://shop.example/new/a%20b?x=1&y'])
    expect(await led('/moved/1/2?x')).toEqual([307, '/2/1?fixed'])
  })

  it.each([
    '/moved/a/%5Cevil.example',
    '/moved/a/\\evil.example',
    '/moved/a/',
    '/old/..%2f',
    '/moved/a/%2fevil.example',
  ])('leads to no other host: %s', async (path) => {
    expect(await led(path)).toEqual([400, undefined])
  })

  it('is for those whom the route is for', async () => {
    expect(await ask(gateway.url, '/closed')).toMatchObject({ status: 401, code: 'token_missing' })
    expect(await ask(gateway.url, '/closed', as('reader'))).toMatchObject({ status: 307, headers: { location: '/' } })
  })
})

describe('an answer of a route’s own', () => {
  it('is what the file says, as plain text where it says nothing else', async () => {
    const { status, text, headers } = await ask(gateway.url, '/robots.txt')
    expect([status, text]).toEqual([200, 'User-agent: *\n'])
    expect(headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'x-served-by': 'gateway-1',
      'x-request-id': expect.any(String),
    })
    expect(await ask(gateway.url, '/down', as('editor'))).toMatchObject({
      status: 503,
      text: '{}',
      headers: { 'content-type': 'application/json', 'retry-after': '60' },
    })
    expect(await ask(gateway.url, '/down', as('reader'))).toMatchObject({ status: 403, code: 'role_missing' })
    const head = await ask(gateway.url, '/robots.txt', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-length': '14' } })
    expect(upstream.asked).toEqual([])
  })

  it('ends the connection of a body that nobody reads', async () => {
    const { status, headers } = await ask(gateway.url, '/robots.txt', { method: 'POST', body: 'x' })
    expect([status, headers.connection]).toEqual([200, 'close'])
  })

  it('is none that an administrator could purge', async () => {
    const { authorization } = as('admin').headers
    const purge = { method: 'POST', headers: { authorization, 'content-type': 'application/json' } }
    const body = JSON.stringify({ keys: ['/robots.txt'] })
    expect(await ask(gateway.url, '/admin/cache/purge', { ...purge, body })).toMatchObject({ status: 422 })
  })

  it('stands in the API’s description', async () => {
    const { paths } = JSON.parse((await ask(gateway.url, '/openapi.json')).text)
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/robots.txt', '/old/{id}', '/down']))
  })
})

describe('fields', () => {
  it('are set and removed both ways, out of the cache too', async () => {
    for (const hit of [false, true]) {
      const answer = await ask(gateway.url, '/changed/a', { headers: { 'x-tenant': 'red', cookie: 'a=b' } })
      expect(answer).toMatchObject({ hit, headers: { 'x-frame-options': 'DENY' } })
      expect(answer.headers).not.toHaveProperty('x-powered-by')
      expect(JSON.parse(answer.text)).toMatchObject({ 'x-tenant': 'blue' })
    }
    expect(upstream.asked[0]?.headers).not.toHaveProperty('cookie')
    expect((await ask(gateway.url, '/mounted/x')).headers).not.toHaveProperty('x-powered-by')
  })

  it('that differ for the upstream keep the answers of two routes apart', async () => {
    const tenants = ['/red/1', '/blue/1', '/red/1', '/blue/1'].map(async (path) => {
      const { text } = await ask(gateway.url, path)
      return JSON.parse(text)['x-tenant']
    })
    expect(await Promise.all(tenants)).toEqual(['red', 'blue', 'red', 'blue'])
    expect(upstream.asked).toHaveLength(2)
  })

  it('that differ keep them from a user who is called like another one and the changes', async () => {
    const tenantOf = async (path: string, subject: string) => {
      const authorization = `Bearer ${gateway.token(['reader'], subject)}`
      return JSON.parse((await ask(gateway.url, path, { headers: { authorization } })).text)['x-tenant']
    }
    expect(await tenantOf('/own/2', 'ada')).toBe('red')
    expect(await tenantOf('/plain/2', 'ada {"set":{"x-tenant":"red"}}')).toBeUndefined()
  })
})
