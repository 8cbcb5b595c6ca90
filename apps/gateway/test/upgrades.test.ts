/** WebSockets and server-sent events before a foreign upstream: who may begin them, and that they pass as they come. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, usable } from './gateway.ts'
import { type Service, startService } from './processes.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
routes:
  - { path: /live, methods: [GET], upstream: db, auth: signed-in, websocket: true }
  - { path: /plain, methods: [GET], upstream: db, auth: public }
  - { path: /closed, methods: [GET], upstream: db, auth: { role: editor } }
  - { path: "/renamed/{room}", methods: [GET], upstream: db, auth: public, websocket: true, rewrite: "/rooms/{room}" }
  - { path: /mounted, methods: [GET], upstream: db, auth: public, mount: / }
  - { path: /quiet, methods: [GET], upstream: db, auth: public, mount: /, websocket: false }
  - { path: /own, methods: [GET], auth: public, answer: { body: hello } }
  - { path: /events, methods: [GET], upstream: db, auth: public }
`

const asked: IncomingMessage[] = []
let events = Promise.withResolvers<ServerResponse>()
const upstream = createServer((incoming, response) => {
  // Checks, and what a gateway asks its accounts by itself.
  if (!/^\/(ready|revocations)/.test(incoming.url ?? '')) asked.push(incoming)
  if (incoming.url === '/events') events.resolve(response)
  else response.end('no tunnel')
})
upstream.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
  asked.push(incoming)
  socket.on('error', () => {})
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello')
  socket.pipe(socket)
})
let cache: Service
let gateway: Gateway

beforeAll(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening')
  cache = await startService('cache/src/main.ts')
  const db = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
  gateway = await startGateway({ db, cache: cache.url, routes })
  await usable(gateway)
})
afterAll(async () => {
  await gateway?.close()
  upstream.closeAllConnections()
  upstream.close()
  await cache?.stop()
})
beforeEach(() => {
  asked.length = 0
})

/** What became of a handshake: the tunnel, or the answer in its place. */
async function shake(path: string, headers: Record<string, string> = {}) {
  const handshake = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'k' }
  const sent = request(new URL(gateway.url), { path, headers: { ...handshake, ...headers } })
  const upgraded = once(sent, 'upgrade').then(([answer, socket]) => ({ answer, socket: socket as Socket }))
  const answered = once(sent, 'response').then(([answer]) => ({ answer, socket: undefined }))
  sent.end()
  const { answer, socket } = (await Promise.race([upgraded, answered])) as {
    answer: IncomingMessage
    socket: Socket | undefined
  }
  for (const other of [upgraded, answered]) other.catch(() => {})
  const body = socket ? '' : await text(answer)
  const { code } = /^{/.test(body) ? JSON.parse(body) : {}
  return { status: answer.statusCode, headers: answer.headers, code, socket }
}

/** Says something, and hears it from the other end. */
async function echo(socket: Socket, said: string): Promise<string> {
  let heard = ''
  const whole = new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      heard += chunk
      if (heard.endsWith(said)) resolve()
    })
  })
  socket.write(said)
  await whole
  socket.destroy()
  return heard
}

describe('a WebSocket', () => {
  const token = (...roles: string[]) => ({ authorization: `Bearer ${gateway.token(roles)}` })

  it('begins where the route says so, once the token is looked at, which goes no further', async () => {
    const refused = await shake('/live')
    expect([refused.status, refused.code, asked]).toEqual([401, 'token_missing', []])
    expect((await shake('/live', { authorization: 'Bearer nonsense' })).code).toBe('token_malformed')
    const { status, socket } = await shake('/live', token('reader'))
    expect(status).toBe(101)
    expect(await echo(socket as Socket, 'ping')).toMatch(/ping$/)
    expect(asked).toMatchObject([{ url: '/live', headers: { upgrade: 'websocket', 'sec-websocket-key': 'k' } }])
    expect(asked[0]?.headers).not.toHaveProperty('authorization')
  })

  it.each(['/plain', '/quiet/x', '/own'])('is refused where the route does not: %s', async (path) => {
    const { status, code, headers } = await shake(path)
    expect([status, code, headers.connection]).toEqual([403, 'upgrade_refused', 'close'])
    expect(asked).toEqual([])
    expect((await fetch(gateway.url + path)).status).toBe(200)
  })

  it('is refused to strangers as strangers', async () => {
    expect((await shake('/closed')).code).toBe('token_missing')
    expect((await shake('/closed', token('reader'))).code).toBe('role_missing')
    expect((await shake('/closed', token('editor'))).code).toBe('upgrade_refused')
  })

  it('reaches what is mounted, and paths that are rewritten', async () => {
    for (const [path, url] of [
      ['/mounted/a?b', '/a?b'],
      ['/renamed/7?b', '/rooms/7?b'],
    ] as const) {
      const { status, socket } = await shake(path)
      expect(status).toBe(101)
      await echo(socket as Socket, 'ping')
      expect(asked.at(-1)?.url).toBe(url)
    }
  })
})

describe('server-sent events', () => {
  it('pass as they come, without leave', async () => {
    events = Promise.withResolvers()
    const answer = fetch(`${gateway.url}/events`, { headers: { accept: 'text/event-stream' } })
    const response = await events.promise
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    const reader = (async () => (await answer).body as ReadableStream<Uint8Array>)().then((body) => body.getReader())
    for (const said of ['data: 1\n\n', 'data: 2\n\n']) {
      response.write(said)
      const { value } = await (await reader).read()
      expect(Buffer.from(value as Uint8Array).toString()).toBe(said)
    }
    await (await reader).cancel()
    await once(response, 'close')
  })
})
