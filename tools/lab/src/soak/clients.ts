/** All kinds of clients of one origin: on kept and on new connections, with bodies, in tunnels, and such as vanish. */
import { connect } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import { Agent, request } from 'undici'

const BODY = Buffer.alloc(10_000, 'x')
const VANISHING_WITHIN_MS = 20

export class Clients implements AsyncDisposable {
  /** Answers by status, other ends by their code; those that vanish on purpose are `left`. */
  readonly ends: Record<string, number> = {}
  readonly #url: string
  readonly #kept = new Agent({ connections: 64 })
  readonly #new = new Agent({ pipelining: 0 })

  constructor(url: string) {
    this.#url = url
  }

  /** One request of a client that chance chooses; never rejects. */
  async ask(luck = Math.random()): Promise<void> {
    const kept = this.#kept
    let end: string
    if (luck < 0.03) end = await this.#vanish('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\nxxxx')
    else if (luck < 0.06) end = await this.#vanish('GET / HTTP/1.1\r\nhost: a\r\nx: ')
    else if (luck < 0.08) {
      end = await this.#vanish('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello')
    } else if (luck < 0.11) {
      end = await this.#answer('/large', { dispatcher: kept, signal: AbortSignal.timeout(Math.round(luck * 100)) })
    } else if (luck < 0.15) end = await this.#answer('/large', { dispatcher: kept })
    else if (luck < 0.25) end = await this.#answer('/small', { dispatcher: this.#new })
    else if (luck < 0.4) end = await this.#answer('/small', { dispatcher: kept, method: 'PUT', body: BODY })
    else end = await this.#answer('/small', { dispatcher: kept })
    this.ends[end] = (this.ends[end] ?? 0) + 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#kept.destroy(), this.#new.destroy()])
  }

  async #answer(path: string, options: NonNullable<Parameters<typeof request>[1]>): Promise<string> {
    try {
      const { statusCode, body } = await request(this.#url + path, options)
      await body.dump({ limit: 1_000_000 })
      return String(statusCode)
    } catch (error) {
      return options.signal ? 'left' : ((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }

  async #vanish(text: string): Promise<string> {
    const { port, hostname } = new URL(this.#url)
    const socket = connect(Number(port), hostname).on('error', () => {})
    socket.resume().write(text)
    await after(Math.random() * VANISHING_WITHIN_MS)
    if (Math.random() < 0.5) socket.destroy()
    else socket.resetAndDestroy()
    return 'left'
  }
}
