/** Faults on purpose, as the file says or an administrator: who has them, how they show, and that they last. */
import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { ask as askAt } from './ask.ts'
import { gatewayOver } from './cached-upstream.ts'
import { until } from './gateway.ts'
import { json } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
routes:
  - { path: "/items/{id}", methods: [GET, PUT], upstream: db, auth: public }
  - { path: /slow, methods: [GET], upstream: db, auth: public, faults: { delay: { for: 20ms, share: 1 } } }
  - { path: /broken, methods: [GET], upstream: db, auth: signed-in, faults: { abort: { status: 418, share: 1 } } }
  - { path: /never, methods: [GET], upstream: db, auth: public, faults: { abort: { status: 500, share: 0 } } }
  - { path: /long, methods: [GET], upstream: db, auth: public, faults: { delay: { for: 15s, share: 1 } } }
  - { path: /shop, methods: [GET], upstream: db, auth: public, mount: / }
  - { path: /own, methods: [GET], auth: public, answer: {} }
`

const { gateway, upstream } = await gatewayOver(routes, ({ method, url }, response) =>
  json(response, 200, { method, url }, { 'cdn-cache-control': 'public, max-age=60' }),
)
afterEach(async () => {
  await admin('DELETE')
})

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  askAt(gateway.url, path, { method, headers })

async function admin(method: string, body?: object, query = '', roles = ['admin']) {
  const authorization = `Bearer ${gateway.token(roles)}`
  const headers = { authorization, ...(body ? { 'content-type': 'application/json' } : {}) }
  const how = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) }
  const { status, code, text } = await askAt(gateway.url, `/admin/faults${query}`, how)
  return { status, code, faults: (JSON.parse(text) as { faults?: object[] }).faults }
}

const FROM_FILE = [
  { path: '/slow', method: 'GET', delay: { for: '20ms', share: 1 }, from: 'file' },
  { path: '/broken', method: 'GET', abort: { status: 418, share: 1 }, from: 'file' },
  { path: '/never', method: 'GET', abort: { status: 500, share: 0 }, from: 'file' },
  { path: '/long', method: 'GET', delay: { for: '15s', share: 1 }, from: 'file' },
]

describe('a fault', () => {
  it('delays and says so, an answer out of the cache too', async () => {
    for (let times = 0; times < 2; times++) {
      const { status, headers } = await ask('/slow')
      expect(status).toBe(200)
      expect(headers['server-timing']).toContain('fault;dur=20.0;desc="fault_injected"')
    }
    expect((await ask('/never')).headers['server-timing']).not.toContain('fault')
  })

  it('aborts with a code and a field that nobody mistakes, whoever may come, and asks no upstream', async () => {
    expect(await ask('/broken')).toMatchObject({ status: 401, code: 'token_missing' })
    const before = await gateway.metric('spillway_gateway_faults_total{route="/broken",fault="abort"}')
    const { status, code, headers } = await ask('/broken', { authorization: `Bearer ${gateway.token()}` })
    expect([status, code]).toEqual([418, 'fault_injected'])
    expect(headers['proxy-status']).toBe('gateway-1; error=proxy_internal_response; details="fault_injected"')
    expect(upstream.asked).toEqual([])
    expect(await gateway.metric('spillway_gateway_faults_total{route="/broken",fault="abort"}')).toBe(before + 1)
  })

  it('befalls nobody where its share is none', async () => {
    for (let times = 0; times < 20; times++) expect((await ask('/never')).status).toBe(200)
  })

  it('holds nobody beyond the deadline, and no place of a client that left', async () => {
    expect(await ask('/long', { 'x-timeout-ms': '30' })).toMatchObject({ status: 504, code: 'upstream_timeout' })
    const leaving = request(`${gateway.url}/long`)
    const left = expect(once(leaving, 'response')).rejects.toThrow('hang up')
    leaving.end()
    const delays = () => gateway.metric('spillway_gateway_faults_total{route="/long",fault="delay"}')
    await until(delays, (count) => count === 2)
    leaving.destroy()
    await left
    expect(upstream.asked).toEqual([])
  })
})

describe('/admin/faults', () => {
  it('is for administrators', async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      expect((await ask('/admin/faults', {}, method)).status).toBe(401)
      expect((await admin(method, method === 'PUT' ? { path: '/slow' } : undefined, '', ['editor'])).status).toBe(403)
    }
  })

  it('shows what the file says', async () => {
    expect(await admin('GET')).toMatchObject({ status: 200, faults: FROM_FILE })
  })

  it('changes a route while requests pass, for one method or all, and gives it back', async () => {
    const abort = { status: 503, share: 1 }
    const changed = await admin('PUT', { path: '/items/{id}', method: 'PUT', abort })
    expect(changed.faults).toContainEqual({ path: '/items/{id}', method: 'PUT', abort, from: 'administrator' })
    expect((await ask('/items/a', {}, 'PUT')).code).toBe('fault_injected')
    expect((await ask('/items/a')).status).toBe(200)
    await admin('PUT', { path: '/items/{id}', abort })
    for (const method of ['GET', 'HEAD', 'PUT']) expect((await ask('/items/a', {}, method)).status).toBe(503)
    await admin('DELETE', undefined, '?path=/items/%7Bid%7D&method=GET')
    expect((await ask('/items/a')).status).toBe(200)
    expect((await ask('/items/a', {}, 'PUT')).status).toBe(503)
    expect(await admin('DELETE')).toMatchObject({ status: 200, faults: FROM_FILE })
    expect((await ask('/items/a', {}, 'PUT')).status).toBe(200)
  })

  it('switches off what the file says', async () => {
    const { faults } = await admin('PUT', { path: '/slow' })
    expect(faults).toContainEqual({ path: '/slow', method: 'GET', from: 'administrator' })
    expect((await ask('/slow')).headers['server-timing']).not.toContain('fault')
  })

  it('reaches what is mounted', async () => {
    await admin('PUT', { path: '/shop', delay: { for: '5ms', share: 1 } })
    expect((await ask('/shop/x')).headers['server-timing']).toContain('fault;dur=5.0')
    await admin('PUT', { path: '/shop', abort: { status: 500, share: 1 } })
    expect(await ask('/shop/x')).toMatchObject({ status: 500, code: 'fault_injected' })
  })

  it('outlasts a reload', async () => {
    await admin('PUT', { path: '/items/{id}', method: 'GET', abort: { status: 500, share: 1 } })
    const { outcome } = await gateway.reload(`${routes}  - { path: /more, methods: [GET], auth: public, answer: {} }\n`)
    expect(outcome).toBe('applied')
    expect((await ask('/more')).status).toBe(200)
    expect((await ask('/items/a')).code).toBe('fault_injected')
  })

  it.each([
    [{ path: '/nothing' }, 422, 'fault_route_unknown'],
    [{ path: '/items/{id}', method: 'POST' }, 422, 'fault_route_unknown'],
    [{ path: '/own' }, 422, 'fault_route_unknown'],
    [{ path: '/slow', delay: { for: '16s', share: 1 } }, 400, 'validation_failed'],
    [{ path: '/slow', delay: { for: '1s', share: 1.1 } }, 400, 'validation_failed'],
    [{ path: '/slow', delay: { for: '1s' } }, 400, 'validation_failed'],
    [{ path: '/slow', abort: { status: 200, share: 1 } }, 400, 'validation_failed'],
    [{ path: '/slow', aborts: {} }, 400, 'validation_failed'],
    [{}, 400, 'validation_failed'],
  ])('refuses %j', async (body, status, code) => {
    expect(await admin('PUT', body)).toMatchObject({ status, code })
    expect(await admin('GET')).toMatchObject({ faults: FROM_FILE })
  })
})
