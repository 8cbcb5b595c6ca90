/** A gateway's upstreams: found through DNS, and what `/metrics` tells of them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startGateway, until } from './gateway.ts'
import { json, startUpstream } from './upstream.ts'

it('an upstream may be a name in DNS, which it sees as its Host; every one is measured', async () => {
  const shop = await startUpstream(({ headers }, response) => json(response, 200, { host: headers.host }))
  onTestFinished(() => shop.close())
  const breaking = await breaksConnections()
  const { port } = new URL(shop.url)
  const gateway = await startGateway({
    db: `dns+http://localhost:${port}`,
    routes: `
upstreams:
  db: { endpoints: "\${DB_URL}" }
  shop: { endpoints: "${shop.url},${breaking}", check: none }
routes:
  - { path: /found, methods: [GET], upstream: db, auth: public, cache: none }
  - { path: /shop, methods: [GET], upstream: shop, auth: public, cache: none }
`,
  })
  onTestFinished(() => gateway.close())
  const ask = async (path: string) => {
    const answer = await fetch(gateway.url + path)
    return [answer.status, await answer.json()]
  }
  await until(
    () => ask('/found'),
    ([status]) => status === 200,
  )
  expect(await ask('/found')).toEqual([200, { host: `localhost:${port}` }])
  // Each endpoint in its turn: one of the two requests is sent again.
  for (let count = 0; count < 2; count++) expect(await ask('/shop')).toEqual([200, { host: `127.0.0.1:${port}` }])

  const of = (metric: string, upstream: string, endpoint: string) =>
    gateway.metric(`spillway_upstream_${metric}{upstream="${upstream}",endpoint="${endpoint}"`)
  expect(await of('condition', 'db', shop.url)).toBe(1)
  expect(await of('available', 'db', shop.url)).toBe(1)
  expect(await of('in_flight', 'db', shop.url)).toBe(0)
  expect(await of('latency_seconds', 'db', shop.url)).toBeGreaterThan(0)
  expect(await of('requests_total', 'db', shop.url)).toBeGreaterThan(0)
  expect(await of('failures_total', 'db', shop.url)).toBe(0)
  // It came, and its checks passed.
  expect(await of('transitions_total', 'db', shop.url)).toBe(2)
  expect(await of('transitions_total', 'db', `dns+http://localhost:${port}`)).toBe(1)
  expect(await of('failures_total', 'shop', breaking)).toBeGreaterThan(0)
  expect(await gateway.metric('spillway_upstream_retries_total{upstream="shop"')).toBeGreaterThan(0)
  expect(await gateway.metric('spillway_upstream_retries_total{upstream="db"')).toBe(0)
})

describe('an upstream with more to say', () => {
  it('keeps what belongs together at one endpoint', async () => {
    const all = await Promise.all(
      ['a', 'b', 'c'].map((name) => startUpstream((_, response) => json(response, 200, { name }))),
    )
    onTestFinished(async () => void (await Promise.all(all.map((each) => each.close()))))
    const gateway = await startGateway({
      routes: `
upstreams:
  db: { endpoints: [${all.map(({ url }) => `"${url}"`).join(', ')}], check: none, policy: hash, hash: "header:x-user" }
routes:
  - { path: /x, methods: [GET], upstream: db, auth: public, cache: none }
  - { path: /cached, methods: [GET], upstream: db, auth: public }
  - { path: /mounted, methods: [GET], upstream: db, auth: public, mount: / }
`,
    })
    onTestFinished(() => gateway.close())
    const askedBy = async (user: string, path: string) =>
      ((await (await fetch(gateway.url + path, { headers: { 'x-user': user } })).json()) as { name: string }).name
    const users = Array.from({ length: 12 }, (_, index) => `user-${index}`)
    // One after the other: who comes while an endpoint has more to do than its share goes elsewhere.
    const first: string[] = []
    for (const user of users) first.push(await askedBy(user, '/x'))
    expect(new Set(first).size).toBeGreaterThan(1)
    for (const path of ['/x', '/cached', '/mounted']) {
      for (const [index, user] of users.entries()) expect(await askedBy(user, path)).toBe(first[index])
    }
  })

  it('is asked once where the route says so', async () => {
    const gone = await breaksConnections()
    const there = await startUpstream((_, response) => json(response, 200, {}))
    onTestFinished(() => there.close())
    const gateway = await startGateway({
      routes: `
upstreams:
  db: { endpoints: ["${gone}", "${there.url}"], check: none, policy: round-robin }
routes:
  - { path: /once, methods: [GET], upstream: db, auth: public, cache: none, retries: none }
  - { path: /again, methods: [GET], upstream: db, auth: public, cache: none }
`,
    })
    onTestFinished(() => gateway.close())
    const status = async (path: string) => (await fetch(gateway.url + path)).status
    // Each endpoint in its turn.
    expect([await status('/once'), await status('/once')].toSorted()).toEqual([200, 502])
    expect([await status('/again'), await status('/again')]).toEqual([200, 200])
  })

  it('has no more to do at once than its limits say', async () => {
    const begun = Promise.withResolvers<() => void>()
    const slow = await startUpstream((_, response) => begun.resolve(() => json(response, 200, {})))
    onTestFinished(() => slow.close())
    const gateway = await startGateway({
      routes: `
upstreams:
  db: { endpoints: "${slow.url}", check: none, limits: { requests: 1 } }
routes:
  - { path: /x, methods: [GET], upstream: db, auth: public, cache: none }
`,
    })
    onTestFinished(() => gateway.close())
    const first = fetch(`${gateway.url}/x`)
    const end = await begun.promise
    const second = await fetch(`${gateway.url}/x`)
    expect([second.status, await second.json()]).toMatchObject([503, { code: 'upstream_overloaded' }])
    end()
    expect((await first).status).toBe(200)
  })
})

/** Takes every request and ends its connection. */
async function breaksConnections(): Promise<string> {
  const server = createServer((request) => void request.socket.destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
