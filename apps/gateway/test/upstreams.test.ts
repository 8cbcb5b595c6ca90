/** A gateway's upstreams: found through DNS, and what `/metrics` tells of them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
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

/** Takes every request and ends its connection. */
async function breaksConnections(): Promise<string> {
  const server = createServer((request) => void request.socket.destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
