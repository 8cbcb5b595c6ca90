/** A network that can be slow, stuck, cut or wrong: TCP between one gateway and the cache service. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What it does to what the service sends, on the purge stream or on all other connections. */
export interface Weather {
  delayMs?: number
  /** Nothing passes until it is no more, and nothing is closed. */
  stuck?: boolean
  /** Every other entry says another version than it has. */
  corrupt?: boolean
}

export class Relay {
  /** For the purge stream. */
  stream: Weather = {}
  /** For everything else. */
  rest: Weather = {}
  readonly #port: number
  #own = 0
  readonly #links = new Set<Link>()
  readonly #server = net.createServer((inbound) => {
    const link = new Link(inbound, net.connect(this.#port, '127.0.0.1'), this)
    this.#links.add(link)
    inbound.once('close', () => this.#links.delete(link))
  })

  /** `port`: the service's. */
  constructor(port: number) {
    this.#port = port
  }

  /** Its URL, the same each time. */
  async listen(): Promise<string> {
    this.#server.listen(this.#own, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#own = (this.#server.address() as net.AddressInfo).port
    return `http://127.0.0.1:${this.#own}`
  }

  /** Breaks the stream, or everything that is open. */
  cut(what: 'stream' | 'all'): void {
    for (const link of this.#links) if (what === 'all' || link.isStream) link.break()
  }

  /** Connections are refused, as by the machine of a service that is dead. */
  refuse(): void {
    this.#server.close()
    this.cut('all')
  }
}

class Link {
  isStream = false
  readonly #inbound: net.Socket
  readonly #outbound: net.Socket
  /** What the service sends keeps its order, however slow. */
  #sending = Promise.resolve()
  readonly #relay: Relay
  #entries = 0

  constructor(inbound: net.Socket, outbound: net.Socket, relay: Relay) {
    this.#relay = relay
    this.#inbound = inbound
    this.#outbound = outbound
    for (const socket of [inbound, outbound]) {
      socket.on('error', () => {})
      socket.on('close', () => this.break())
    }
    inbound.on('data', (chunk: Buffer) => {
      this.isStream ||= chunk.toString('latin1').startsWith('GET /stream')
      outbound.write(chunk)
    })
    outbound.on('data', (chunk: Buffer) => {
      const { delayMs = 0, corrupt } = this.#weather
      const sent = corrupt ? this.#corrupted(chunk) : chunk
      const late = delayMs > 0 ? delay(delayMs) : undefined
      this.#sending = this.#sending.then(() => late).then(() => this.#send(sent))
    })
  }

  get #weather(): Weather {
    return this.isStream ? this.#relay.stream : this.#relay.rest
  }

  /** What is stuck is not lost: nothing after it comes before it. */
  async #send(chunk: Buffer): Promise<void> {
    while (this.#weather.stuck && !this.#inbound.destroyed) await delay(20)
    this.#inbound.write(chunk)
  }

  /** Both ends hear of it. */
  break(): void {
    this.#inbound.destroy()
    this.#outbound.destroy()
  }

  #corrupted(chunk: Buffer): Buffer {
    const version = chunk.indexOf('version=')
    if (version < 0 || this.#entries++ % 2 === 0) return chunk
    const wrong = Buffer.from(chunk)
    wrong[version + 'version='.length] = '0'.charCodeAt(0)
    return wrong
  }
}
