/** What these tests run in: the service on a port of its own, clients of it, and a proxy that holds things back. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CacheClient,
  type CacheClientOptions,
  createCacheClient,
  type Entry,
  type Fill,
  freshOnly,
  type Reading,
} from '@spillway/cache-client'
import { createContext } from '@spillway/service'
import { buildApp } from '../src/app.ts'

const logger = { info() {}, warn() {} }

/** Polls, for what happens in other processes or behind sockets. */
export async function until(is: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`not so within ${withinMs} ms: ${is}`)
    await delay(5)
  }
}

export function entry(key: string, body: string, rest: Partial<Entry> = {}): Entry {
  return {
    key,
    status: 200,
    headers: [['content-type', 'text/plain']],
    body: Buffer.from(body),
    ageMs: 0,
    at: performance.now(),
    windows: freshOnly(60_000),
    fillMs: 0,
    tags: [`url:${key}`],
    vary: [],
    ...rest,
  }
}

export const unwanted: Fill = () => Promise.reject(new Error('this fill should not run'))
export const never = new AbortController().signal

export class World {
  readonly #closing: (() => Promise<unknown>)[] = []

  async service(port = 0, maxBytes = 64 * 1024 * 1024) {
    const config = { PORT: port, HOST: '127.0.0.1', LOG_LEVEL: 'silent' as const, CACHE_MAX_BYTES: maxBytes }
    const context = createContext('cache', config)
    const app = await buildApp(config, context)
    context.lifecycle.ready()
    const url = await app.listen({ port, host: '127.0.0.1' })
    const close = () => {
      app.server.close()
      app.server.closeAllConnections()
      return app.close()
    }
    this.#closing.push(close)
    return { app, url, close, port: Number(new URL(url).port) }
  }

  /** Resolves when its session is live. It takes no loaded machine for a service that is away. */
  async client(url: string, options: Partial<CacheClientOptions> = {}): Promise<CacheClient> {
    const client = createCacheClient({ url, instance: 'test', logger, verdictMs: 10_000, ...options })
    this.#closing.push(() => client.close())
    await until(() => client.state.live)
    return client
  }

  /** Forwards to `port`; what the server sends on connections whose request begins with `GET /stream` can be held back. */
  async proxy(port: number) {
    const gate = { delayMs: 0, stuck: false }
    const sockets = new Set<net.Socket>()
    const server = net.createServer((inbound) => {
      const outbound = net.connect(port, '127.0.0.1')
      let isStream = false
      let queue = Promise.resolve()
      for (const socket of [inbound, outbound]) {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => {
          inbound.destroy()
          outbound.destroy()
        })
      }
      inbound.on('data', (chunk: Buffer) => {
        isStream ||= chunk.toString('latin1').startsWith('GET /stream')
        outbound.write(chunk)
      })
      outbound.on('data', (chunk) => {
        if (isStream && gate.stuck) return
        if (!isStream || gate.delayMs === 0) {
          inbound.write(chunk)
          return
        }
        queue = queue.then(() => delay(gate.delayMs)).then(() => void inbound.write(chunk))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#closing.push(async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { port: own } = server.address() as net.AddressInfo
    return { url: `http://127.0.0.1:${own}`, gate }
  }

  async close(): Promise<void> {
    for (const close of this.#closing.reverse()) await close()
  }
}

/** What a reading's readers see. */
export function bodyOf(reading: Reading): string {
  return 'entry' in reading && reading.entry ? reading.entry.body.toString() : reading.outcome
}
