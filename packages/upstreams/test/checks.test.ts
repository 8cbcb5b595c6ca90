import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createNetServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { CheckSpec } from '../src/index.ts'
import { ask, named, over, until, upstream } from './servers.ts'

/** A server that answers checks and all else with `listener`; gone when the test is. */
async function serving(listener: RequestListener) {
  const checks: IncomingMessage[] = []
  const server = createServer((request, response) => {
    checks.push(request)
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, port, checks, server }
}

/** The reason for which an endpoint that is asked so is down. */
async function downBy(check: CheckSpec, listener: RequestListener): Promise<string | undefined> {
  const { origin } = await serving(listener)
  const { upstreams } = await over([origin], { check, usable: 0 })
  await until(() => upstreams.endpoints()[0]?.condition === 'down')
  return upstreams.endpoints()[0]?.reason
}

describe('a check', () => {
  it('asks for its path, with its headers and its Host', async () => {
    const { origin, checks } = await serving((_request, response) => response.end())
    const headers = { host: 'shop.example', 'x-probe': 'spillway' }
    const { upstreams } = await over([origin], { check: { path: '/health?deep=1', headers } })
    expect(upstreams.available).toBe(1)
    expect(checks[0]).toMatchObject({ method: 'GET', url: '/health?deep=1', headers })
    expect(checks[0]?.headers.connection).toBe('close')
  })

  it('takes the statuses it is told to, and says which one was none of them', async () => {
    const answer = (status: number) => (_request: unknown, response: Parameters<RequestListener>[1]) =>
      void response.writeHead(status).end()
    const { upstreams } = await over([(await serving(answer(401))).origin], { check: { status: ['200-204', 401] } })
    expect(upstreams.available).toBe(1)
    expect(await downBy({ status: ['200-204', 401] }, answer(403))).toBe('check answered 403; 200-204, 401 wanted')
  })

  it('finds its text in a body that comes in pieces', async () => {
    const { origin } = await serving((_request, response) => {
      response.write('data')
      setTimeout(() => response.end('base: up'), 20)
    })
    const { upstreams } = await over([origin], { check: { body: /^database: (up|degraded)$/ } })
    expect(upstreams.available).toBe(1)
  })

  it('says what a body lacks', async () => {
    expect(await downBy({ body: 'database: up' }, (_request, response) => response.end('database: down'))).toBe(
      `check's body has no "database: up"`,
    )
  })

  it.each([
    [65_534, 'up'],
    [65_535, 'down'],
  ])('looks at the first 64 kB of a body without end: ok after %i bytes is %s', async (before, condition) => {
    const { origin, server } = await serving((_request, response) => {
      response.write(`${'x'.repeat(before)}ok`)
      response.write('y'.repeat(100_000))
    })
    const { upstreams } = await over([origin], { check: { body: 'ok' }, usable: 0 })
    await until(() => upstreams.endpoints()[0]?.condition === condition)
    await upstreams.destroy()
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0)
  })

  it('asks at a port of its own, of an address that DNS names too', async () => {
    const checked = await serving((_request, response) => response.end())
    const { origin, seen } = await named('traffic')
    const { port } = new URL(origin)
    const entry = `dns+http://spillway.test:${port}`
    const resolve = async () => ['127.0.0.1']
    const { upstreams } = await over([entry], { check: { path: '/own', port: checked.port }, resolve })
    expect((await ask(upstreams)).body).toBe('traffic')
    expect(seen).toEqual(['GET /'])
    expect(checked.checks[0]).toMatchObject({ url: '/own', headers: { host: `spillway.test:${checked.port}` } })
  })

  it('at a port where nobody listens is bad, and takes three, since the endpoint’s own may be well', async () => {
    const { port, server, origin } = await serving((_request, response) => response.end())
    const traffic = await named('traffic')
    const { upstreams, transitions } = await over([traffic.origin, origin], { check: { port } })
    server.close()
    server.closeAllConnections()
    await until(() => upstreams.endpoints()[0]?.condition === 'down')
    expect(transitions).toContain('0 up -> down: connection_refused')
    expect((await fetch(traffic.origin)).status).toBe(200)
  })

  it('is not late where traffic has every connection that there may be', { timeout: 30_000 }, async () => {
    const open: { end: () => void }[] = []
    const { origin, server } = await upstream((_request, response) => open.push(response))
    const { upstreams, transitions } = await over([origin])
    const asked = Array.from({ length: 1_024 }, () => ask(upstreams))
    await until(() => open.length === 1_024)
    let checks = 0
    server.on('request', ({ url }) => {
      if (url === '/ready') checks++
    })
    await until(() => checks >= 3)
    expect(transitions).toEqual(['0 starting -> up: its checks pass'])
    for (const response of open) response.end()
    await Promise.all(asked)
  })

  it('finds that an endpoint accepts nobody new, though its old connections serve', async () => {
    const held: { end: (body: string) => void }[] = []
    const { origin, server } = await upstream((_request, response) => held.push(response))
    const { upstreams } = await over([origin])
    const asked = ask(upstreams)
    await until(() => held.length === 1)
    server.maxConnections = 1
    await until(() => upstreams.endpoints()[0]?.condition === 'down')
    expect(upstreams.endpoints()[0]?.reason).toBe('connection_terminated')
    held[0]?.end('served')
    expect((await asked).body).toBe('served')
  })

  it('that gets no HTTP says so', async () => {
    const server = createNetServer((socket) => socket.on('error', () => {}).end('220 mail.example ESMTP\r\n'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { upstreams } = await over([`http://127.0.0.1:${(server.address() as AddressInfo).port}`], { usable: 0 })
    await until(() => upstreams.endpoints()[0]?.condition === 'down')
    expect(upstreams.endpoints()[0]?.reason).toBe('http_protocol_error')
  })
})

it('a check that cannot be is refused before anything begins', async () => {
  await expect(over(['http://127.0.0.1:1'], { check: { path: 'ready' } })).rejects.toThrow('check.path is ready;')
})
