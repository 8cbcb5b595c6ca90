import http from 'node:http'
import { createApp, createContext } from '@spillway/service'
import { type Exchange, exchangeOf, UpstreamError } from '@spillway/upstreams'
import type { FastifyInstance, HTTPMethods } from 'fastify'
import { Agent, type Dispatcher } from 'undici'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  createForward,
  type Forward,
  type ForwardedRequest,
  type ForwardOptions,
  mount as mountPath,
} from '../src/index.ts'
import { type Mount, whatAProxyOwes } from './owes.ts'
import { ask, bodyOf, portOf, RawClient, upstream } from './wire.ts'

/** A server that forwards everything, reading no body itself. */
async function serve(
  options: Omit<ForwardOptions, 'name'>,
  { trusting = false, how = {} as ForwardedRequest, route = routed } = {},
) {
  const context = createContext('edge', { LOG_LEVEL: 'silent' })
  context.lifecycle.ready()
  const app = await createApp(context, {
    operators: false,
    ...(trusting ? { trustedProxies: ['127.0.0.0/8', '9.9.9.9'] } : {}),
  })
  const forward = createForward({ ...options, name: 'edge' })
  route(app, forward, how)
  await app.listen({ port: 0, host: '127.0.0.1' })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  return { port: portOf(app.server), context, app }
}

type App = Awaited<ReturnType<typeof createApp>>

function routed(app: App, forward: Forward, how: ForwardedRequest): void {
  const methods = http.METHODS.filter((method) => method !== 'CONNECT')
  for (const method of methods) app.addHttpMethod(method, { overrideExisting: true })
  app.route({
    method: methods,
    url: '*',
    exposeHeadRoute: false,
    handler: (request, reply) => forward(request, reply, how),
  })
}

function mounted(app: App, forward: Forward): void {
  const methods = http.METHODS.filter((method) => method !== 'CONNECT')
  for (const method of methods) app.addHttpMethod(method, { overrideExisting: true })
  mountPath(app as unknown as FastifyInstance, {
    path: '/',
    below: true,
    at: '/',
    methods: methods as HTTPMethods[],
    forward,
  })
}

function agent(): Agent {
  const made = new Agent()
  onTestFinished(() => made.destroy())
  return made
}

const by =
  (route: typeof routed): Mount =>
  async (origin, { trusting = false, draining = false, ...options } = {}) => {
    const { port, context } = await serve({ dispatcher: agent(), origin, ...options }, { trusting, route })
    if (draining) context.lifecycle.drain()
    return port
  }

describe('forward', () => {
  whatAProxyOwes(by(routed))
})

describe('a mount', () => {
  // No path that leads up passes a mount.
  whatAProxyOwes(by(mounted), { path: '/a%2Fb/c;d=1//e?q=%20a+b&q=&%C3%A9' })
})

/** What layers around a dispatch tell each other, as a cache or a choosing dispatcher would. */
function telling(told: Partial<Exchange>): { dispatcher: Dispatcher; heard: (Exchange | undefined)[] } {
  const heard: (Exchange | undefined)[] = []
  const tell: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
    const exchange = exchangeOf(options)
    heard.push(exchange)
    Object.assign(exchange ?? {}, told)
    return dispatch(options, handler)
  }
  return { dispatcher: agent().compose(tell), heard }
}

describe('a forwarded request', () => {
  it('may have its body, path and scope given', async () => {
    const { origin } = await upstream(async (request, response) => {
      response.end(`${request.method} ${request.url} ${request.headers['content-length']} ${await bodyOf(request)}`)
    })
    const { dispatcher, heard } = telling({})
    const how = { body: Buffer.from('given'), path: '/other?x', scope: 'public', hashKey: 'mine' }
    const { port } = await serve({ dispatcher, origin }, { how })
    const { body } = await ask(port, { method: 'PUT', path: '/here', body: 'as it came, longer' })
    expect(body.toString()).toBe('PUT /other?x 5 given')
    expect(heard[0]).toMatchObject({ scope: 'public', hashKey: 'mine', deadlineAt: expect.any(Number) })
  })

  it('loses fields and gets others, on its way up and its answer on its way down, under whatever letter case', async () => {
    let seen: http.IncomingHttpHeaders = {}
    const { origin } = await upstream((request, response) => {
      seen = request.headers
      response.setHeader('x-powered-by', 'us').setHeader('set-cookie', ['a=1', 'b=2']).setHeader('x-kept', 'yes')
      response.writeHead(200, { trailer: 'x-secret' }).write('body')
      response.addTrailers({ 'x-secret': '1', 'x-sum': '2' })
      response.end()
    })
    const headers = {
      request: { set: { 'X-Tenant': 'blue' }, remove: ['Cookie'] },
      response: { set: { 'X-Frame-Options': 'DENY', 'set-cookie': 'c=3' }, remove: ['X-Powered-By', 'x-secret'] },
    }
    const { port } = await serve({ dispatcher: agent(), origin, headers })
    const sent = { 'x-tenant': ['red', 'green'], cookie: 'sid=1', 'x-other': 'stays', te: 'trailers', x_tenant: 'red' }
    const answer = await ask(port, { headers: sent })
    expect(seen).toMatchObject({ 'x-tenant': 'blue', 'x-other': 'stays' })
    expect(seen).not.toHaveProperty('cookie')
    expect(seen).not.toHaveProperty('x_tenant')
    expect(answer.headers).toMatchObject({ 'x-frame-options': 'DENY', 'set-cookie': ['c=3'], 'x-kept': 'yes' })
    expect(answer.headers).not.toHaveProperty('x-powered-by')
    expect(answer.trailers).toEqual({ 'x-sum': '2' })
  })

  it('says what the layers around it told: cache, timings, a failure that was bridged; not where the endpoint is', async () => {
    const { origin } = await upstream((_request, response) => {
      response.writeHead(200, { 'cache-status': 'deep; hit', 'proxy-status': 'deep' }).end()
    })
    const { dispatcher } = telling({
      cacheStatus: 'fwd=uri-miss; stored',
      cacheStatusBehind: 'shared; hit',
      timings: [{ name: 'lease', ms: 1.25, description: 'waited' }],
      endpoint: 'http://10.0.0.7:5002',
      error: 'connection_refused',
    })
    const { port } = await serve({ dispatcher, origin })
    const { headers } = await ask(port)
    expect(headers).toMatchObject({
      'cache-status': 'deep; hit, shared; hit, edge; fwd=uri-miss; stored',
      'x-served-by': 'edge',
      'proxy-status': 'deep, edge; error=connection_refused',
    })
    expect(headers['server-timing']).toMatch(/^lease;dur=1\.3;desc="waited", edge;dur=/)
  })

  it('lets an upstream that says how long it took speak for itself', async () => {
    const { origin } = await upstream((request, response) =>
      response.writeHead(200, request.url === '/says' ? { 'server-timing': 'db;dur=2' } : {}).end(),
    )
    const { port } = await serve({ dispatcher: telling({ timings: [{ name: 'upstream', ms: 3 }] }).dispatcher, origin })
    expect((await ask(port, { path: '/says' })).headers['server-timing']).toMatch(/^db;dur=2, edge;dur=/)
    expect((await ask(port, { path: '/silent' })).headers['server-timing']).toMatch(/^upstream;dur=3\.0, edge;dur=/)
  })

  it('that became a tunnel is no reason to close it while draining, and does not keep the server from closing', async () => {
    const { origin, server } = await upstream((_request, response) => response.end())
    server.on('upgrade', (_request, socket) => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello')
    })
    const { port, context, app } = await serve({ dispatcher: agent(), origin })
    context.lifecycle.drain()
    const client = new RawClient(port)
    client.send('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    expect((await client.until('hello')).match(/^connection:.*$/gim)).toEqual(['connection: upgrade'])
    await app.close()
    await client.closed
  })

  it('leaves x-served-by to those behind where told so', async () => {
    const { origin } = await upstream((_request, response) => response.setHeader('x-served-by', 'gateway-1, db').end())
    const { port } = await serve({ dispatcher: agent(), origin, namesItself: false })
    expect((await ask(port)).headers['x-served-by']).toBe('gateway-1, db')
  })

  it('fails as the dispatcher says, where its error knows the answer', async () => {
    const refusing: Dispatcher.DispatcherComposeInterceptor = () => (_options, _handler) => {
      throw new UpstreamError('destination_unavailable', { sent: false })
    }
    const { port } = await serve({ dispatcher: agent().compose(refusing), origin: 'http://nowhere' })
    const { status, headers } = await ask(port)
    expect([status, headers['retry-after'], headers['proxy-status']]).toEqual([
      503,
      '2',
      'edge; error=destination_unavailable',
    ])
  })

  it('is broken off where the client takes nothing of the answer for a minute', async () => {
    const dropped = Promise.withResolvers<void>()
    const { origin } = await upstream((_request, response) => {
      response.once('close', dropped.resolve)
      response.write(Buffer.alloc(50_000_000))
    })
    const { port } = await serve({ dispatcher: agent(), origin })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const client = new RawClient(port).send('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    client.socket.pause()
    await vi.waitUntil(() => vi.getTimerCount() > 0 && client.socket.bytesRead > 0)
    await vi.advanceTimersByTimeAsync(61_000)
    await dropped.promise
  })
})
