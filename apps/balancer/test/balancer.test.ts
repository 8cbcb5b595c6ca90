import http from 'node:http'
import net from 'node:net'
import type { ClusterTransition } from '@spillway/clusters'
import { Agent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { balancer, echo, gateway, stop } from './world.ts'

interface Problem {
  code: string
  status: number
  requestId: string
}

interface Echo {
  headers: Record<string, string>
}

describe('the front door', () => {
  it.for(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'passes %s with query and body unchanged',
    async (method) => {
      const { url } = await balancer([(await gateway(echo)).origin])
      const body = method === 'GET' || method === 'HEAD' ? null : '{"not": "json'
      const asked = '/data?key=a%20b&key=%2F&empty='
      const {
        statusCode,
        headers,
        body: answer,
      } = await request(url + asked, {
        method: method as 'GET',
        body,
        headers: { 'content-type': 'application/json', host: 'shop.example', authorization: 'Bearer t' },
      })
      expect(statusCode).toBe(200)
      expect(headers['server-timing']).toMatch(/upstream;dur=[\d.]+, balancer;dur=[\d.]+$/)
      expect(headers['x-served-by']).toMatch(/^at-\d+$/)
      if (method === 'HEAD') return
      expect(await answer.json()).toMatchObject({
        method,
        url: asked,
        body: body ?? '',
        headers: {
          host: 'shop.example',
          authorization: 'Bearer t',
          via: '1.1 balancer',
          'x-forwarded-for': '127.0.0.1',
        },
      })
    },
  )

  it('gives each gateway its turn', async () => {
    const origins = await Promise.all([1, 2, 3].map(async () => (await gateway(echo)).origin))
    const { url } = await balancer(origins)
    const served: Record<string, number> = {}
    for (let i = 0; i < 30; i++) {
      const { headers, body } = await request(url)
      await body.dump()
      const by = String(headers['x-served-by'])
      served[by] = (served[by] ?? 0) + 1
    }
    expect(Object.values(served)).toEqual([10, 10, 10])
  })

  it('loses no read when a gateway dies under load, nor when it returns', async () => {
    const gateways = await Promise.all([1, 2, 3].map(() => gateway(echo)))
    const { url, upstreams } = await balancer(gateways.map(({ origin }) => origin))
    const agent = new Agent({ connections: 32 })
    onTestFinished(() => agent.destroy())
    const failures: unknown[] = []
    let asked = 0
    let running = true
    const load = Array.from({ length: 32 }, async () => {
      while (running) {
        const { statusCode, body } = await request(`${url}/data/alpha`, { dispatcher: agent })
        const text = await body.text()
        asked++
        if (statusCode !== 200) failures.push([statusCode, text])
      }
    })
    const [first] = gateways
    if (!first) throw new Error('no gateway')
    for (let death = 0; death < 3; death++) {
      const port = Number(new URL(first.origin).port)
      await expect.poll(() => upstreams.available, { timeout: 15_000, interval: 10 }).toBe(3)
      const before = asked
      await expect.poll(() => asked, { interval: 5 }).toBeGreaterThan(before + 200)
      stop(first.server)
      const after = asked
      await expect.poll(() => asked, { interval: 5 }).toBeGreaterThan(after + 500)
      first.server.listen(port, '127.0.0.1')
    }
    running = false
    await Promise.all(load)
    expect(failures).toEqual([])
  }, 60_000)

  it('streams 64 MB each way', async () => {
    const { origin } = await gateway((incoming, response) => incoming.pipe(response))
    const { url } = await balancer([origin])
    const chunk = Buffer.alloc(65_536, 'x')
    const sent = (function* () {
      for (let i = 0; i < 1024; i++) yield chunk
    })()
    const { body } = await request(url, { method: 'POST', body: sent as unknown as Buffer })
    let received = 0
    for await (const part of body) received += (part as Buffer).byteLength
    expect(received).toBe(1024 * 65_536)
  })

  it('carries WebSocket', async () => {
    const { origin, server } = await gateway(echo)
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
      socket.pipe(socket)
    })
    const { url } = await balancer([origin])
    const upgrading = http.request(url, { headers: { connection: 'upgrade', upgrade: 'websocket' } }).end()
    const echoed = await new Promise((resolve, reject) => {
      upgrading.on('error', reject).on('upgrade', (_response, socket) => {
        onTestFinished(() => void socket.destroy())
        socket.write('ping')
        socket.once('data', (data) => resolve(data.toString()))
      })
    })
    expect(echoed).toBe('ping')
  })
})

describe('who is believed', () => {
  const forwarded = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' }

  it('is nobody, unless TRUSTED_PROXIES names them', async () => {
    const { url } = await balancer([(await gateway(echo)).origin])
    const { headers } = (await (await request(url, { headers: forwarded })).body.json()) as never as Echo
    expect([headers['x-forwarded-for'], headers['x-forwarded-proto']]).toEqual(['127.0.0.1', 'http'])
  })

  it('is a proxy in front, where it is named', async () => {
    const { url } = await balancer([(await gateway(echo)).origin], { TRUSTED_PROXIES: '127.0.0.0/8' })
    const { headers } = (await (await request(url, { headers: forwarded })).body.json()) as never as Echo
    expect([headers['x-forwarded-for'], headers['x-forwarded-proto']]).toEqual(['203.0.113.7, 127.0.0.1', 'https'])
  })
})

describe('a failure at the front door', () => {
  const fails = async (url: string, options: Parameters<typeof request>[1] = {}) => {
    const { statusCode, headers, body } = await request(url, options)
    expect(headers['content-type']).toContain('application/problem+json')
    const problem = (await body.json()) as Problem
    expect(problem).toMatchObject({ status: statusCode, requestId: headers['x-request-id'] })
    return { status: statusCode, code: problem.code, headers }
  }

  it('is 503 with Retry-After while no gateway can be used', async () => {
    const { origin, server } = await gateway(echo)
    const { url, upstreams } = await balancer([origin])
    stop(server)
    await expect.poll(() => upstreams.available, { timeout: 10_000 }).toBe(0)
    const { status, code, headers } = await fails(url)
    expect([status, code, headers['proxy-status']]).toEqual([
      503,
      'no_usable_upstream',
      'balancer; error=destination_unavailable',
    ])
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  })

  it('is 502 where the gateway breaks off, and a write is not repeated', async () => {
    let writes = 0
    const { origin } = await gateway((incoming) => {
      writes++
      incoming.socket.destroy()
    })
    const other = await gateway((incoming) => {
      writes++
      incoming.socket.destroy()
    })
    const { url } = await balancer([origin, other.origin])
    const { status, code, headers } = await fails(url, { method: 'POST', body: 'once' })
    expect([status, code, headers['proxy-status']]).toEqual([
      502,
      'upstream_failed',
      'balancer; error=connection_terminated',
    ])
    expect(writes).toBe(1)
  })

  it('is 504 where the gateway takes longer than the client wants to wait', async () => {
    const { url } = await balancer([(await gateway(() => {})).origin])
    const { status, code, headers } = await fails(url, { headers: { 'x-timeout-ms': '100' } })
    expect([status, code, headers['proxy-status']]).toEqual([
      504,
      'upstream_timeout',
      'balancer; error=http_response_timeout',
    ])
  })

  it.for([
    ['a path of the operators', '/metrics', 404, 'route_not_found'],
    ['the same in capitals', '/METRICS/?x', 404, 'route_not_found'],
    ['the same in a spelling that others may read otherwise', '//%6dEtrics/?x', 400, 'ambiguous_path'],
    ['the same behind another path', '/data/..%2fmetrics', 400, 'ambiguous_path'],
    ['a URL that is too long', `/${'x'.repeat(9000)}`, 414, 'url_too_long'],
    ['an escape that is none', '/%zz', 400, 'bad_request'],
  ] as const)('is a problem for %s', async ([, path, status, code]) => {
    const { url } = await balancer([(await gateway(echo)).origin])
    expect(await fails(url + path)).toMatchObject({ status, code })
  })

  it.for([
    ['an absolute form that hides a denied path', 'GET http://x/metrics HTTP/1.1\r\nhost: x\r\n\r\n', 404],
    ['a head that is too long', `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['two Hosts', 'GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n', 400],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n', 400],
    ['TRACE', 'TRACE / HTTP/1.1\r\nhost: x\r\n\r\n', 405],
  ] as const)('is a problem for %s', async ([, text, status]) => {
    const { url } = await balancer([(await gateway(echo)).origin])
    const answer = await new Promise<string>((resolve, reject) => {
      let received = ''
      const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text))
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        received += chunk
        if (/"requestId":"[^"]+"/.test(received)) socket.destroy()
      })
      socket.on('close', () => resolve(received))
    })
    expect(answer.startsWith(`HTTP/1.1 ${status} `)).toBe(true)
    expect(answer).toContain('application/problem+json')
  })
})

describe('the operators’ port', () => {
  it('tells what is known of each gateway', async () => {
    const alive = await gateway(echo)
    const dying = await gateway(echo)
    const { url, adminUrl, upstreams } = await balancer([alive.origin, dying.origin])
    for (let i = 0; i < 4; i++) await (await request(url)).body.dump()
    stop(dying.server)
    await expect.poll(() => upstreams.available, { timeout: 10_000 }).toBe(1)
    const get = async (path: string) => (await request(adminUrl + path)).body

    expect(await (await get('/upstreams')).json()).toMatchObject({
      available: 1,
      endpoints: [
        { origin: alive.origin, condition: 'up', available: true, inFlight: 0, requests: 2, failures: 0 },
        { origin: dying.origin, condition: 'down', available: false, reason: expect.any(String) },
      ],
    })
    const ready = await request(`${adminUrl}/ready`)
    expect(ready.statusCode).toBe(200)
    expect(await ready.body.json()).toMatchObject({
      status: 'ready',
      degraded: ['gateways'],
      checks: { gateways: { detail: `1 of 2 usable; ${dying.origin} down` } },
    })
    expect((await request(`${adminUrl}/health`)).statusCode).toBe(200)

    const metrics = await (await get('/metrics')).text()
    for (const line of [
      `spillway_upstream_condition{upstream="gateway",endpoint="${dying.origin}",condition="down",intent="active"} 1`,
      `spillway_upstream_available{upstream="gateway",endpoint="${alive.origin}"} 1`,
      `spillway_upstream_in_flight{upstream="gateway",endpoint="${alive.origin}"} 0`,
      `spillway_upstream_requests_total{upstream="gateway",endpoint="${alive.origin}"} 2`,
      `spillway_upstream_failures_total{upstream="gateway",endpoint="${alive.origin}"} 0`,
      'http_server_request_duration_seconds_count{http_request_method="GET",http_route="*",http_response_status_code="200"} 4',
    ]) {
      expect(metrics).toContain(line)
    }
    expect(metrics).toMatch(/spillway_upstream_transitions_total\{[^}]*from="up",to="down",reason="[^"]+"\} 1/)
    expect(metrics).toMatch(/http_client_request_duration_seconds_count\{[^}]*http_response_status_code="200"[^}]*\} 2/)
  })

  it('tells of gateways that DNS finds, and that none is found where it finds none', async () => {
    const { origin } = await gateway(echo)
    const { port } = new URL(origin)
    const { url, adminUrl } = await balancer([`dns+http://localhost:${port}`, 'dns+http://missing.invalid:1'], {
      wait: 1,
    })
    const answer = await request(url, { headers: { host: 'client.example' } })
    expect(await answer.body.json()).toMatchObject({ headers: { host: 'client.example' } })
    const report = await (await request(`${adminUrl}/upstreams`)).body.json()
    expect(report).toMatchObject({
      available: 1,
      endpoints: expect.arrayContaining([expect.objectContaining({ origin })]),
    })

    const alone = await balancer(['dns+http://missing.invalid:1'], { wait: 0 })
    expect((await request(alone.url)).statusCode).toBe(503)
    expect(await (await request(`${alone.adminUrl}/ready`)).body.json()).toMatchObject({
      status: 'ready',
      checks: { gateways: { status: 'degraded', detail: 'no gateway is found' } },
    })
  })

  it('counts requests that were sent twice', async () => {
    const broken = await gateway((incoming) => void incoming.socket.destroy())
    const { url, adminUrl } = await balancer([broken.origin, (await gateway(echo)).origin])
    // Whichever has the first turn.
    for (let asked = 0; asked < 2; asked++) expect((await request(url)).statusCode).toBe(200)
    const metrics = await (await request(`${adminUrl}/metrics`)).body.text()
    expect(metrics).toMatch(
      /^spillway_upstream_retries_total\{upstream="gateway",reason="connection_terminated"\} [12]$/m,
    )
  })
})

describe('what listens to the clusters', () => {
  it('hears of each change, with the cluster it happened in', async () => {
    const { origin, server } = await gateway(echo)
    const { clusters } = await balancer([origin])
    const heard: ClusterTransition[] = []
    clusters.events.on('transition', (transition) => heard.push(transition))
    stop(server)
    await expect.poll(() => heard, { timeout: 10_000 }).toHaveLength(1)
    expect(heard).toMatchObject([{ upstream: 'gateway', endpoint: origin, from: 'up', to: 'down' }])
  })
})
