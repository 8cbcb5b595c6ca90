/** Routes that are mounted on an upstream's path. */
import { once } from 'node:events'
import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from './gateway.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: http://127.0.0.1:9 }
  other: { endpoints: "\${UPSTREAM}", check: none }
  remote: { endpoints: "\${REMOTE_ORIGIN}", check: none }
  nowhere: { endpoints: http://127.0.0.1:9, check: none }
routes:
  - { path: /, methods: [GET], upstream: remote, auth: public, mount: "\${REMOTE_PATH}", summary: The remote }
  - { path: /shop, methods: [GET, POST], upstream: other, auth: public, mount: /v1/store }
  - { path: /mine, methods: [GET], upstream: other, auth: signed-in, mount: / }
  - { path: /nowhere, methods: [GET], upstream: nowhere, auth: public, mount: / }
`

let upstream: Upstream
let gateway: Gateway
beforeAll(async () => {
  upstream = await startUpstream(({ method, url, body }, response) => {
    if (url === '/moved') return json(response, 302, {}, { location: `${upstream.url}/secret` })
    json(response, url.startsWith('/v1/store/503') ? 503 : 200, { method, url, body }, { 'retry-after': '1' })
  })
  gateway = await startGateway({
    db: upstream.url,
    routes,
    settings: { REMOTE_URL: `${upstream.url}/base/` },
  })
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
})

const ask = async (path: string, init: RequestInit = {}) => {
  const answer = await fetch(gateway.url + path, init)
  return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, object> }
}

describe('REMOTE_URL', () => {
  it.each([
    ['', '/'],
    ['/', '/'],
    ['/v2', '/v2'],
    ['/v2/', '/v2/'],
    ["/a%20b%2F/~$&@:;,=!'()*+/", "/a%20b%2F/~$&@:;,=!'()*+/"],
  ])('ends with %j: GET / asks for %s', async (path, asked) => {
    const own = await startGateway({ db: upstream.url, settings: { REMOTE_URL: upstream.url + path } })
    try {
      const answer = await fetch(`${own.url}/?x=1`)
      expect(await answer.json()).toMatchObject({ url: `${asked}?x=1` })
    } finally {
      await own.close()
    }
  })

  it('that is a redirect is answered as one', async () => {
    const own = await startGateway({ db: upstream.url, settings: { REMOTE_URL: `${upstream.url}/moved` } })
    try {
      const before = upstream.asked.length
      const answer = await fetch(`${own.url}/`, { redirect: 'manual' })
      expect([answer.status, answer.headers.get('location')]).toEqual([302, `${upstream.url}/secret`])
      expect(upstream.asked.slice(before).map(({ url }) => url)).toEqual(['/moved'])
    } finally {
      await own.close()
    }
  })

  it.each(['http://169.254.169.254/', 'http://2852039166/latest/meta-data', 'http://[::ffff:169.254.169.254]/'])(
    'may not be %s',
    async (url) => {
      await expect(startGateway({ db: upstream.url, settings: { REMOTE_URL: url } })).rejects.toThrow(
        /upstreams\.remote\.endpoints leads to (169\.254\.169\.254|::ffff:a9fe:a9fe), where no service is/,
      )
    },
  )
})

describe('a mounted route', () => {
  it.each([
    ['/', '/base/'],
    ['/?a=b', '/base/?a=b'],
    ['/shop', '/v1/store'],
    ['/shop/item%2F1//x?q=%20a+b&q=', '/v1/store/item%2F1//x?q=%20a+b&q='],
  ])('%s asks the upstream for %s', async (path, asked) => {
    const { status, json, headers } = await ask(path)
    expect(status).toBe(200)
    expect(json).toEqual({ method: 'GET', url: asked, body: '' })
    expect(headers.get('via')).toBe('1.1 gateway-1')
    expect(headers.get('x-served-by')).toBe('gateway-1')
  })

  it('streams a body', async () => {
    const { json } = await ask('/shop/orders', { method: 'POST', body: 'as it is' })
    expect(json).toEqual({ method: 'POST', url: '/v1/store/orders', body: 'as it is' })
  })

  it('at / takes nothing else', async () => {
    expect(await ask('/elsewhere')).toMatchObject({ status: 404, json: { code: 'route_not_found' } })
  })

  it('does not let a path lead out of where it is mounted', async () => {
    const before = upstream.asked.length
    for (const path of ['/shop/%2e%2e/secret', '/shop/..%2Fsecret', '/shop/%5C..%5Csecret', '/shop/..;x/secret']) {
      // Not fetch, which would follow the dots itself.
      const [{ statusCode }] = await once(get(gateway.url, { path }), 'response')
      expect(statusCode, path).toBe(400)
    }
    expect(upstream.asked.length).toBe(before)
  })

  it('asks for a token where the route wants one', async () => {
    expect((await ask('/mine/x')).status).toBe(401)
    const headers = { authorization: `Bearer ${gateway.token()}` }
    expect(await ask('/mine/x', { headers })).toMatchObject({ status: 200, json: { url: '/x' } })
    expect(upstream.asked.at(-1)?.headers).not.toHaveProperty('authorization')
  })

  it('answers 502 where nobody is there, and repeats no 503', async () => {
    expect(await ask('/nowhere')).toMatchObject({ status: 502, json: { code: 'upstream_unreachable' } })
    const before = upstream.asked.length
    expect((await ask('/shop/503', { method: 'POST' })).status).toBe(503)
    expect(upstream.asked.length).toBe(before + 1)
  })

  it('stands in the API’s description once', async () => {
    const { paths = {} } = (await ask('/openapi.json')).json
    expect(paths).toHaveProperty(['/', 'get', 'summary'], 'The remote')
    expect(Object.keys(paths).filter((path) => path.includes('*') || path.startsWith('/shop'))).toEqual(['/shop'])
  })
})
