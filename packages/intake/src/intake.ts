/** Fastify plugin: refuses requests that can be read in two ways, and brings upgrades to the routes. */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { refusal, refusalBehind } from './refusal.ts'

/**
 * A refused request is the last one of its connection, for where it ended is what could not be known. So is one whose
 * upgrade is not taken: Node drops what came behind it in the same packet and takes the next for a new request.
 */
export const intake = fp(
  async (app) => {
    app.addHook('onRequest', ({ raw }, reply, done) => {
      const before = last.get(raw.socket)
      const refused = before === undefined || before === raw ? refusal(raw) : refusalBehind()
      if (refused) makeLast(raw)
      if (before === raw) reply.raw.shouldKeepAlive = false
      done(refused)
    })

    const upgraded = new Set<Socket>()
    Object.assign(app.server, {
      // Other upgrades (h2c) are offers that may be ignored: such a request is answered as if it had none.
      shouldUpgradeCallback(raw: IncomingMessage) {
        if (isWebSocket(raw)) return true
        if (!last.has(raw.socket)) makeLast(raw)
        return false
      },
      // Node's own refusal of a request without Host has neither a body nor an id; ours has.
      requireHostHeader: false,
    })
    app.server.on('upgrade', (raw: IncomingMessage, socket: Socket, head: Buffer) => {
      upgraded.add(socket)
      socket.once('close', () => upgraded.delete(socket))
      routeDetached(app, raw, socket, head)
    })
    app.server.on('connect', (raw: IncomingMessage, socket: Socket) => {
      raw.url = '/'
      // Node has let go of the socket with an answer still to come on it: two cannot be written.
      if (isAwaited(socket)) socket.destroy()
      else routeDetached(app, raw, socket)
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

/** By socket: the request with which its connection ends. */
const last = new WeakMap<Socket, IncomingMessage>()

/** What comes behind this request on its connection will be refused. Whoever answers it says `Connection: close`. */
export function makeLast(raw: IncomingMessage): void {
  last.set(raw.socket, raw)
}

/** Without a body, and behind no request that is yet to be answered: what follows on the connection is the tunnel's. */
function isWebSocket(raw: IncomingMessage): boolean {
  const { method, headers, socket } = raw
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket' && !hasBody(raw) && !isAwaited(socket)
}

/** Whether an earlier request on this connection is yet to be answered. */
function isAwaited(socket: Socket & { _httpMessage?: ServerResponse | null }): boolean {
  return (socket._httpMessage ?? null) !== null
}

/** Routes a request whose socket Node has let go of, so that hooks and error answers are the same for it. */
function routeDetached(app: FastifyInstance, raw: IncomingMessage, socket: Socket, head?: Buffer): void {
  if (head !== undefined && head.length > 0) socket.unshift(head)
  socket.on('error', () => socket.destroy())
  const response = new ServerResponse(raw)
  // Nothing parses what comes next on this socket.
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  // Nobody reads until there is a tunnel: a client that leaves before would not be noticed.
  const look = () => void socket.read(0)
  const leave = () => void socket.destroy()
  socket.on('readable', look).once('end', leave)
  response.once('finish', () => {
    socket.off('readable', look).off('end', leave)
    if (response.statusCode !== 101) socket.end()
  })
  app.routing(raw, response)
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Whether Node has let go of the request's socket, so that it can become a tunnel. */
export function isDetached(raw: IncomingMessage & { upgrade?: boolean | null }): boolean {
  return raw.upgrade === true
}
