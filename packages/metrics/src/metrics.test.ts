import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import Fastify from 'fastify'
import { Agent, type Dispatcher, request } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import { Counter, createRegistry, measureClient, measureServer, metrics, Registry } from './index.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** The samples of one metric, as `labels value`. */
async function samples(registry: Registry, name: string): Promise<string[]> {
  const text = await registry.metrics()
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length))
}

const COUNT = 'http_server_request_duration_seconds_count'

async function server() {
  const registry = new Registry()
  const app = Fastify()
  app.addHook('onRequest', measureServer(registry))
  await app.register(metrics, { registry })
  app.get('/data/:key', () => 'data')
  app.get('/fails', () => {
    throw new Error('broken')
  })
  app.get('/never', () => new Promise(() => {}))
  await app.listen({ port: 0, host: '127.0.0.1' })
  closing.push(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { registry, port, origin: `http://127.0.0.1:${port}` }
}

describe('/metrics', () => {
  it('answers in Prometheus’ text form, not to be stored', async () => {
    const { origin } = await server()
    const response = await fetch(`${origin}/metrics`)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.text()).toMatch(/^# HELP http_server_request_duration_seconds .*\n# TYPE .* histogram\n/)
  })

  it('has the process’s own metrics and those that the service adds', async () => {
    const registry = createRegistry()
    new Counter({ name: 'spillway_tests_total', help: 'Tests.', registers: [registry] }).inc(3)
    const text = await registry.metrics()
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes']) {
      expect(text).toContain(`\n${name} `)
    }
    expect(text).toContain('\nspillway_tests_total 3\n')
  })

  it('belongs to one registry: two in a process do not meet', () => {
    expect(() => [createRegistry(), createRegistry()]).not.toThrow()
  })
})

describe('measureServer', () => {
  it('counts by method, route pattern and status', async () => {
    const { registry, origin } = await server()
    for (const path of ['/data/alpha', '/data/beta?x=1', '/fails']) await (await fetch(`${origin}${path}`)).text()
    await fetch(`${origin}/data/alpha`, { method: 'HEAD' })
    expect(await samples(registry, COUNT)).toEqual([
      '{http_request_method="GET",http_route="/data/:key",http_response_status_code="200"} 2',
      '{http_request_method="GET",http_route="/fails",http_response_status_code="500"} 1',
      '{http_request_method="HEAD",http_route="/data/:key",http_response_status_code="200"} 1',
    ])
  })

  it('makes no series of strangers’ paths and methods', async () => {
    const { registry, origin, port } = await server()
    for (let n = 0; n < 20; n++) await (await fetch(`${origin}/wp-admin/${n}`)).text()
    const socket = connect({ port, host: '127.0.0.1' })
    socket.end('PROPFIND /data/alpha HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
    expect(await samples(registry, COUNT)).toEqual([
      '{http_request_method="GET",http_route="",http_response_status_code="404"} 20',
      '{http_request_method="_OTHER",http_route="",http_response_status_code="404"} 1',
    ])
  })

  it('counts a client that leaves as 499, and its request as active until then', async () => {
    const { registry, port } = await server()
    const socket = connect({ port, host: '127.0.0.1' })
    socket.write('GET /never HTTP/1.1\r\nhost: a\r\n\r\n')
    await expect.poll(() => samples(registry, 'http_server_active_requests')).toEqual([' 1'])
    socket.destroy()
    await expect
      .poll(() => samples(registry, COUNT))
      .toEqual(['{http_request_method="GET",http_route="/never",http_response_status_code="499"} 1'])
    expect(await samples(registry, 'http_server_active_requests')).toEqual([' 0'])
  })

  it('measures in seconds', async () => {
    const { registry, origin } = await server()
    await (await fetch(`${origin}/data/alpha`)).text()
    const [sum = ''] = await samples(registry, 'http_server_request_duration_seconds_sum')
    expect(Number(sum.split(' ').at(-1))).toBeGreaterThan(0)
    expect(Number(sum.split(' ').at(-1))).toBeLessThan(5)
  })
})

describe('measureClient', () => {
  const CLIENT = 'http_client_request_duration_seconds_count'

  async function upstream() {
    const foreign = createServer((incoming, response) => {
      if (incoming.url === '/cut') {
        response.writeHead(200, { 'content-length': 10 }).write('half')
        setImmediate(() => response.destroy())
      } else {
        response.writeHead(incoming.url === '/gone' ? 410 : 200).end('whole')
      }
    }).listen(0, '127.0.0.1')
    await once(foreign, 'listening')
    closing.push(() => foreign.close())
    const registry = new Registry()
    const agent = new Agent()
    closing.push(() => agent.close())
    const { port } = foreign.address() as AddressInfo
    return { registry, port, agent, dispatcher: agent.compose(measureClient(registry)) }
  }

  it('counts by method, peer and status', async () => {
    const { registry, port, dispatcher } = await upstream()
    for (const path of ['/', '/?a=b', '/gone']) {
      await (await request(`http://127.0.0.1:${port}${path}`, { dispatcher })).body.text()
    }
    const peer = `http_request_method="GET",server_address="127.0.0.1",server_port="${port}"`
    expect(await samples(registry, CLIENT)).toEqual([
      `{${peer},http_response_status_code="200",error_type=""} 2`,
      `{${peer},http_response_status_code="410",error_type=""} 1`,
    ])
  })

  it('counts failures by what failed, with the status where one had come', async () => {
    const { registry, port, dispatcher } = await upstream()
    await expect((await request(`http://127.0.0.1:${port}/cut`, { dispatcher })).body.text()).rejects.toThrow()
    await expect(request('http://127.0.0.1:1/', { dispatcher, method: 'PUT' })).rejects.toThrow()
    expect(await samples(registry, CLIENT)).toEqual([
      `{http_request_method="GET",server_address="127.0.0.1",server_port="${port}",http_response_status_code="200",error_type="UND_ERR_SOCKET"} 1`,
      '{http_request_method="PUT",server_address="127.0.0.1",server_port="1",http_response_status_code="",error_type="ECONNREFUSED"} 1',
    ])
  })

  it('hides no event of the request from whoever waits for it', async () => {
    const { port, dispatcher } = await upstream()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const events: string[] = []
    const note = (event: string) => () => void events.push(event)
    dispatcher.dispatch(
      { origin: `http://127.0.0.1:${port}`, path: '/', method: 'POST', body: 'sent' },
      {
        onRequestStart: note('start'),
        onBodySent: note('body'),
        onRequestSent: note('sent'),
        onResponseStarted: note('answered'),
        onResponseStart: note('head'),
        onResponseData: note('data'),
        onResponseEnd: () => resolve(),
        onResponseError: (_controller, error) => reject(error),
      },
    )
    await promise
    expect(events).toEqual(['start', 'body', 'sent', 'answered', 'head', 'data'])
  })

  it('serves several clients of one registry', async () => {
    const { registry, port, agent } = await upstream()
    const second = agent.compose(measureClient(registry))
    await (await request(`http://127.0.0.1:${port}`, { dispatcher: second })).body.text()
    expect(await samples(registry, CLIENT)).toHaveLength(1)
  })

  it('makes no series of a peer after the first thousand', async () => {
    const registry = new Registry()
    const fails: Dispatcher.Dispatch = (_options, handler) => {
      const controller = {} as Dispatcher.DispatchController
      handler.onResponseError?.(controller, Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }))
      return false
    }
    const dispatch = measureClient(registry)(fails)
    for (let peer = 0; peer < 1200; peer++) {
      dispatch({ origin: `http://10.0.${peer >> 8}.${peer & 255}`, path: '/', method: 'GET' }, {})
    }
    const counts = await samples(registry, CLIENT)
    expect(counts).toHaveLength(1001)
    expect(counts.filter((line) => line.includes('server_address="_OTHER",server_port=""'))).toEqual([
      expect.stringMatching(/ 200$/),
    ])
  })

  it('names the endpoint that a choosing dispatcher took, not the cluster', async () => {
    const { port, agent } = await upstream()
    const registry = new Registry()
    const exchange: { endpoint?: string } = {}
    const chosen = `http://127.0.0.1:${port}`
    const dispatcher = agent
      .compose((dispatch) => (options, handler) => {
        exchange.endpoint = chosen
        return dispatch({ ...options, origin: chosen }, handler)
      })
      .compose(measureClient(registry))
    const exchanging = dispatcher.compose(
      (dispatch) => (options, handler) => dispatch({ ...options, exchange } as typeof options, handler),
    )
    await (await request('http://cluster/', { dispatcher: exchanging })).body.text()
    const [sample] = await samples(registry, CLIENT)
    expect(sample).toContain(`server_address="127.0.0.1",server_port="${port}"`)
  })
})
