/** Fastify plugin for servers that forward: refuses what no proxy may pass on, and brings upgrades to the routes. */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { Refusal } from './failure.ts'
import { target } from './target.ts'

/** Answers to upgrades: Node has let go of their sockets, so these alone can become tunnels. */
export const detached = new WeakSet<ServerResponse>()

/**
 * What Node's parser lets through and a proxy must not (RFC 9112, 3.2, 6.1): two `Host` fields, a fragment in the
 * target, a transfer coding in HTTP/1.0 or other than `chunked`. Conflicting lengths and a length beside a transfer coding Node refuses itself.
 */
export const intake = fp(
  async (app) => {
    app.addHook('onRequest', (request, _reply, done) => done(refusal(request)))

    const upgraded = new Set<Socket>()
    // Other upgrades (h2c) are offers that may be ignored: such a request is answered as if it had none.
    Object.assign(app.server, { shouldUpgradeCallback: isWebSocket })
    app.server.on('upgrade', (raw: IncomingMessage, socket: Socket, head: Buffer) => {
      upgraded.add(socket)
      socket.once('close', () => upgraded.delete(socket))
      routeDetached(app, raw, socket, head)
    })
    app.server.on('connect', (raw: IncomingMessage, socket: Socket) => {
      raw.url = '/'
      routeDetached(app, raw, socket)
    })
    // An expectation other than 100-continue may be ignored (RFC 9110, 10.1.1); it ends at us in any case.
    app.server.on('checkExpectation', (raw, response) => app.routing(raw, response))
    // Node counts an upgraded connection as open and does not close it: the server would never stop.
    app.addHook('preClose', async () => {
      for (const socket of upgraded) socket.destroy()
    })
  },
  { name: '@spillway/intake', fastify: '5.x' },
)

function refusal({ raw }: FastifyRequest): Refusal | undefined {
  const { method, url = '', rawHeaders, headers, httpVersionMinor } = raw
  if (method === 'TRACE' || method === 'CONNECT') {
    return new Refusal('method_not_forwarded', `${method} ends here`, {
      allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    })
  }
  if (target(raw) === undefined) return new Refusal('ambiguous_request', 'the target is neither a path nor an http URL')
  if (url.includes('#')) return new Refusal('ambiguous_request', 'the target has a fragment')
  const coding = headers['transfer-encoding']
  // Node takes `gzip, chunked` and undoes the chunks alone: what is left could not be named to the next hop.
  if (coding !== undefined && (httpVersionMinor === 0 || coding.toLowerCase() !== 'chunked')) {
    return new Refusal('ambiguous_request', 'the only transfer coding is chunked, and HTTP/1.0 knows none')
  }
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts > 1 ? new Refusal('ambiguous_request', 'there is more than one Host field') : undefined
}

function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/** Routes a request whose socket Node has let go of, so that hooks and error answers are the same for it. */
function routeDetached(app: FastifyInstance, raw: IncomingMessage, socket: Socket, head?: Buffer): void {
  if (head !== undefined && head.length > 0) socket.unshift(head)
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(raw)
  // Nothing parses what comes next on this socket.
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  detached.add(response)
  response.once('finish', () => {
    if (response.statusCode !== 101) socket.end()
  })
  app.routing(raw, response)
}
