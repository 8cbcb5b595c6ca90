/** Routes whose path is another one upstream: what is asked for there, and what a cache and its purges make of it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { ask as askAt } from './ask.ts'
import { gatewayOver } from './cached-upstream.ts'
import { json } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
  writer: { endpoints: "\${UPSTREAM}" }
routes:
  - { path: "/api/items/{id}", methods: [GET], upstream: db, auth: public, rewrite: "/v1/items/{id}" }
  - { path: "/api/items/{id}", methods: [PUT], upstream: db, auth: public, rewrite: "/v1/items/{id}" }
  # Another way to the same.
  - { path: "/shops/{shop}/items/{id}", methods: [GET], upstream: db, auth: public, rewrite: "/v1/items/{id}" }
  # What is written goes elsewhere than what is read.
  - { path: "/api/items/{id}", methods: [PATCH], upstream: writer, auth: public, rewrite: "/commands/{id}/" }
  - { path: "/api/items/{id}", methods: [DELETE], upstream: db, auth: public }
  - { path: "/own/{id}", methods: [GET], upstream: db, auth: signed-in, rewrite: "/v1/items/{id}" }
`

let ids = 0
let id: string

const { gateway, upstream } = await gatewayOver(routes, ({ method, url }, response) => {
  json(response, 200, { method, url }, method === 'GET' ? { 'cdn-cache-control': 'public, max-age=60' } : {})
})
beforeEach(() => {
  id = `i${ids++}`
})

const ask = (path: string, method = 'GET', headers: Record<string, string> = {}, body?: string) =>
  askAt(gateway.url, path, { method, headers, ...(body === undefined ? {} : { body }) })

describe('a route that rewrites', () => {
  it('asks the upstream for its path, with the query and every escape as they came', async () => {
    await ask('/api/items/%7Ea%20b?x=%2e%2e/&y')
    await ask('/shops/one/items/a;v=1')
    await ask('http://elsewhere.example/api/items/c?d')
    expect(upstream.asked.map(({ url }) => url)).toEqual([
      '/v1/items/%7Ea%20b?x=%2e%2e/&y',
      '/v1/items/a;v=1',
      '/v1/items/c?d',
    ])
  })

  it.each(['..', '%2e%2e', '%2e', '..%2f..%2fadmin', 'a%2fb', 'a%5cb', 'a%252f..', 'a%3Fb', 'a%00', ''])(
    'refuses %j in the place of a name and asks nobody',
    async (segment) => {
      expect(await ask(`/api/items/${segment}`)).toMatchObject({ status: 400, code: 'ambiguous_path' })
      expect(upstream.asked).toEqual([])
    },
  )

  it('refuses nothing for the sake of another route', async () => {
    expect((await ask('/api/items/a%2fb', 'DELETE')).status).toBe(200)
    expect(upstream.asked).toMatchObject([{ url: '/api/items/a%2fb' }])
  })

  it('shares cached answers with every path that leads to the same', async () => {
    expect((await ask(`/api/items/${id}`)).hit).toBe(false)
    expect((await ask(`/api/items/${id}`)).hit).toBe(true)
    expect((await ask(`/shops/any/items/${id}`)).hit).toBe(true)
    expect((await ask(`/api/items/${id}?x`)).hit).toBe(false)
    // But not with those whom another scope is for.
    expect((await ask(`/own/${id}`, 'GET', { authorization: `Bearer ${gateway.token()}` })).hit).toBe(false)
  })

  it.each(['PUT', 'PATCH'])('makes %s seen by the next read, wherever it was sent', async (method) => {
    for (const path of [`/api/items/${id}`, `/shops/any/items/${id}`]) await ask(path)
    expect((await ask(`/api/items/${id}`)).hit).toBe(true)
    expect((await ask(`/api/items/${id}`, method, {}, '{}')).status).toBe(200)
    expect((await ask(`/api/items/${id}`)).hit).toBe(false)
    // However the write spelt it.
    expect((await ask(`/%61pi/items/%69${id.slice(1)}`, method, {}, '{}')).status).toBe(200)
    expect((await ask(`/shops/any/items/${id}`)).hit).toBe(false)
  })

  it('is purged by the paths that clients know', async () => {
    await ask(`/api/items/${id}`)
    const purge = (key: string) =>
      fetch(`${gateway.url}/admin/cache/purge`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.token(['admin'])}`, 'content-type': 'application/json' },
        body: JSON.stringify({ keys: [key] }),
      })
    expect((await purge(`/v1/items/${id}`)).status).toBe(422)
    expect((await purge('/api/items/..')).status).toBe(422)
    expect((await ask(`/api/items/${id}`)).hit).toBe(true)
    expect((await purge(`/shops/some/items/${id}`)).status).toBe(204)
    expect((await ask(`/api/items/${id}`)).hit).toBe(false)
  })
})
