/** Real upstreams on ports of their own, and what a test needs to talk to them through `Upstreams`. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Dispatcher } from 'undici'
import { onTestFinished, vi } from 'vitest'
import { createExchange, type Exchange, type Transition, Upstreams, type UpstreamsOptions } from '../src/index.ts'

export interface Upstream {
  origin: string
  server: Server
  /** Requests that came, checks left out, as `METHOD /path`. */
  seen: string[]
  /** What `/ready` answers. */
  readiness: { status: number; body: string }
  /** Gone at once, with all its connections, as by SIGKILL. */
  kill(): void
  /** Listens at the same address again. */
  revive(): Promise<void>
}

/** A server that is ready and answers with `listener`; gone when the test is. */
export async function upstream(
  listener: RequestListener,
  at: { host: string; port: number } = { host: '127.0.0.1', port: 0 },
): Promise<Upstream> {
  const seen: string[] = []
  const readiness = { status: 200, body: '{"status":"ready"}' }
  const server = createServer((request, response) => {
    if (request.url === '/ready') {
      response.writeHead(readiness.status).end(readiness.body)
      return
    }
    seen.push(`${request.method} ${request.url}`)
    listener(request, response)
  })
  server.listen(at.port, at.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const kill = () => {
    server.close()
    server.closeAllConnections()
  }
  const revive = async () => {
    server.listen(port, at.host)
    await once(server, 'listening')
  }
  onTestFinished(() => {
    if (server.listening) kill()
  })
  return { origin: `http://${at.host}:${port}`, server, seen, readiness, kill, revive }
}

/** A server that answers with its name. */
export const named = (name: string) => upstream((_request, response) => response.end(name))

/** An origin at which nobody listens. */
export async function nobody(): Promise<string> {
  const { origin, kill } = await named('gone')
  kill()
  return origin
}

/** Upstreams over these origins, destroyed with the test, once as many as `usable` (by default all) are up. */
export async function over(
  endpoints: UpstreamsOptions['endpoints'],
  { usable = endpoints.length, ...options }: Partial<UpstreamsOptions> & { usable?: number } = {},
) {
  const origins = endpoints.map((entry) => (typeof entry === 'string' ? entry : entry.url))
  const transitions: string[] = []
  const onTransition = ({ endpoint, from, to, reason }: Transition) =>
    transitions.push(`${origins.indexOf(endpoint)} ${from} -> ${to}: ${reason}`)
  // Turns begin with the first.
  const turns = { policy: 'round-robin', random: () => 0 } as const
  const upstreams = new Upstreams({ name: 'test', endpoints, ...turns, onTransition, ...options })
  onTestFinished(() => upstreams.destroy())
  await until(() => upstreams.available >= usable)
  return { upstreams, transitions }
}

export const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 15_000, interval: 10 })

export interface Answer {
  status: number
  headers: Record<string, unknown>
  body: string
  exchange: Exchange
}

/** Asks through a dispatcher and reads the answer whole; rejects as the dispatch does. */
export function ask(
  dispatcher: Dispatcher,
  options: Partial<Dispatcher.DispatchOptions> = {},
  exchange: Exchange = createExchange(),
): Promise<Answer> & { controller: Promise<Dispatcher.DispatchController>; exchange: Exchange } {
  const controller = Promise.withResolvers<Dispatcher.DispatchController>()
  const answer = new Promise<Answer>((resolve, reject) => {
    const got = { status: 0, headers: {}, body: '', exchange }
    const request = { origin: 'http://test', path: '/', method: 'GET', ...options, exchange }
    dispatcher.dispatch(request, {
      onRequestStart: (live) => controller.resolve(live),
      onResponseStart(_live, status, headers) {
        Object.assign(got, { status, headers })
      },
      onResponseData(_live, chunk) {
        got.body += chunk
      },
      onResponseEnd: () => resolve(got),
      onResponseError: (_live, error) => reject(error),
    })
  })
  return Object.assign(answer, { controller: controller.promise, exchange })
}
