/** An origin on a port of its own, a cache before it, and a client that sees everything a handler sees. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { SharedCache } from '@spillway/cache-client'
import { createExchange, type Exchange, type ExchangeOptions } from '@spillway/upstreams'
import { Agent, type Dispatcher } from 'undici'
import { type HttpCacheOptions, httpCache } from '../src/index.ts'
import type { MemoryCache } from './memory-cache.ts'

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
  trailers: Record<string, string | string[] | undefined>
  exchange: Exchange
  informed: number[]
}

type Asked = Partial<Omit<Dispatcher.DispatchOptions, 'method'>> & {
  method?: string
  exchange?: Partial<Exchange> | null
}

type Options = Omit<HttpCacheOptions, 'cache'>

export class World<C extends SharedCache = MemoryCache> {
  readonly cache: C
  readonly requests: IncomingMessage[] = []
  /** Replaced by each test. */
  respond: RequestListener = (_, response) => response.end('nothing')
  readonly #server: Server
  readonly #ownsServer: boolean
  readonly #agent = new Agent()
  readonly dispatcher: Dispatcher

  private constructor(cache: C, server: Server, ownsServer: boolean, options: Options) {
    this.cache = cache
    this.#server = server
    this.#ownsServer = ownsServer
    this.dispatcher = this.#agent.compose(httpCache({ cache, ...options }))
    if (!ownsServer) return
    server.on('request', (request, response) => {
      this.requests.push(request)
      this.respond(request, response)
    })
  }

  static async open<C extends SharedCache>(cache: C, options: Options = {}): Promise<World<C>> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new World(cache, server, true, options)
  }

  /** Another one before the same origin; closed before this one. */
  beside(cache: C, options: Options = {}): World<C> {
    return new World(cache, this.#server, false, options)
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What goes in; `exchange: null` for none. */
  options(asked: Asked = {}): ExchangeOptions {
    const { exchange, ...rest } = asked
    return {
      origin: this.origin,
      path: '/',
      method: 'GET',
      ...rest,
      ...(exchange === null ? {} : { exchange: createExchange({ scope: 'public', ...exchange }) }),
    } as ExchangeOptions
  }

  ask(asked: Asked = {}): Promise<Answer> {
    return this.start(asked).answer
  }

  /** As {@link ask}, with the controller that the handler was given, and the exchange before there is an answer. */
  start(asked: Asked = {}): {
    answer: Promise<Answer>
    controller: Dispatcher.DispatchController
    exchange: Exchange | undefined
  } {
    const options = this.options(asked)
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const chunks: Buffer[] = []
    const answer = { informed: [] as number[], exchange: options.exchange } as Answer
    let controller: Dispatcher.DispatchController | undefined
    this.dispatcher.dispatch(options, {
      onRequestStart: (given) => {
        controller = given
      },
      onResponseStart: (_, status, headers) => {
        if (status < 200) answer.informed.push(status)
        else Object.assign(answer, { status, headers })
      },
      onResponseData: (_, chunk) => void chunks.push(chunk),
      onResponseEnd: (_, trailers) => resolve({ ...answer, trailers, body: Buffer.concat(chunks).toString() }),
      onResponseError: (_, error) => reject(Object.assign(error, { answer })),
    })
    const { exchange } = options
    return { answer: promise, controller: controller as unknown as Dispatcher.DispatchController, exchange }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
    await this.cache.close()
    if (!this.#ownsServer) return
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Resolves when it holds; bounded by the test's own timeout. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(5)
}

/** Resolves when it has stayed the same for 100 ms of looking. */
export async function unchanging(value: () => number): Promise<void> {
  for (let seen = value(), same = 0; same < 20; same++) {
    await pause(5)
    if (value() === seen) continue
    seen = value()
    same = 0
  }
}
