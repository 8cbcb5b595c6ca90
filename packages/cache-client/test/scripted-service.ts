/** A cache service whose every answer and stream line is the test's to give, in any order. */
import { once } from 'node:events'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CacheClient,
  type CacheClientOptions,
  createCacheClient,
  type Entry,
  type Fill,
  frame,
  freshOnly,
  HEADER,
  seal,
} from '../src/index.ts'

export const never = new AbortController().signal
export const unwanted: Fill = () => Promise.reject(new Error('this fill should not run'))

/** Polls, for what happens behind sockets. */
export async function until(is: () => boolean, withinMs = 5000): Promise<void> {
  const end = performance.now() + withinMs
  while (!is()) {
    if (performance.now() > end) throw new Error(`not so within ${withinMs} ms: ${is}`)
    await delay(2)
  }
}

export function entry(key: string, body: string, rest: Partial<Entry> = {}): Entry {
  return {
    key,
    status: 200,
    headers: [],
    body: Buffer.from(body),
    ageMs: 0,
    at: 0,
    windows: freshOnly(60_000),
    fillMs: 0,
    tags: [`url:${key}`],
    vary: [],
    ...rest,
  }
}

export const cacheable = (key: string, body: string, rest: Partial<Entry> = {}) =>
  ({ outcome: 'cacheable', entry: entry(key, body, rest) }) as const

/** A fill that the test ends. */
export function heldFill() {
  const started = Promise.withResolvers<AbortSignal>()
  const result = Promise.withResolvers<Awaited<ReturnType<Fill>>>()
  const fill: Fill = (signal) => {
    started.resolve(signal)
    return result.promise
  }
  return { fill, started: started.promise, end: result.resolve }
}

/** A request that waits for its answer. */
export interface Asked {
  readonly request: IncomingMessage
  readonly body: string
  readonly response: ServerResponse
}

export class ScriptedService {
  readonly #server = http.createServer((request, response) => void this.#serve(request, response))
  readonly time = { now: 1000 }
  /** What came and was not answered yet, by method and first part of the path, such as `GET entries`. */
  readonly asked: Record<string, Asked[]> = {}
  /** Confirmations are answered with this status at once; undefined: by the test. */
  confirms: number | undefined = 204
  confirmed: number[] = []
  /** Another status refuses the stream with an answer that never ends. */
  streams = 200
  /** Streams asked for. */
  sessions = 0
  #stream: ServerResponse | undefined
  client!: CacheClient

  async start(options: Partial<CacheClientOptions> = {}): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as AddressInfo
    const logger = { info() {}, warn() {} }
    this.client = createCacheClient({
      url: `http://127.0.0.1:${port}`,
      instance: 'test',
      logger,
      // More than a loaded machine takes until the test's answer is here.
      verdictMs: 10_000,
      clock: () => this.time.now,
      ...options,
    })
    await until(() => this.client.state.live)
  }

  /** Sends a line and waits until it is confirmed. */
  async say(line: { seq: number; keys?: string[]; tags?: string[]; all?: true }): Promise<void> {
    this.#stream?.write(`${JSON.stringify(line)}\n`)
    await until(() => this.confirmed.at(-1) === line.seq)
  }

  /** Sends a line that is not waited for. */
  mutter(line: object): void {
    this.#stream?.write(`${JSON.stringify(line)}\n`)
  }

  cut(): void {
    this.#stream?.destroy()
  }

  /** The oldest request of that kind, as soon as it has come. */
  async next(kind: string): Promise<Asked> {
    await until(() => (this.asked[kind]?.length ?? 0) > 0)
    return this.asked[kind]?.shift() as Asked
  }

  count(kind: string): number {
    return this.asked[kind]?.length ?? 0
  }

  verdict({ response }: Asked, name: string, seq: number, more: Record<string, string> = {}): ServerResponse {
    response.writeHead(200, { [HEADER.verdict]: name, [HEADER.seq]: String(seq), ...more })
    response.flushHeaders()
    return response
  }

  async close(): Promise<void> {
    await this.client?.close()
    this.stop()
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    if (request.url?.startsWith('/stream')) {
      this.#stream = response
      this.sessions++
      response.writeHead(this.streams)
      response.write(`${JSON.stringify({ epoch: 'e', session: `s${this.sessions}`, seq: 1 })}\n`)
      return
    }
    let body = ''
    for await (const chunk of request) body += chunk
    const kind = `${request.method} ${request.url?.split(/[/?]/)[1]}`
    if (kind === 'PUT sessions' && this.confirms !== undefined) {
      this.confirmed.push(JSON.parse(body).seq)
      response.writeHead(this.confirms).end()
      return
    }
    this.asked[kind] ??= []
    this.asked[kind].push({ request, body, response })
  }
}

export function framed(of: Entry): Buffer {
  return frame(seal(of), of.ageMs)
}
