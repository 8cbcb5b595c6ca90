/** The client's body as a stream of its own, for undici to read and to destroy. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * undici destroys the body it was given when the upstream fails or answers early; the client's connection must outlive
 * that, to carry the answer. Destroyed, it lets the rest of the upload run into the void.
 *
 * Emits `received` when the client has sent the last byte, and `stalled` when none moved for `idleMs` milliseconds.
 */
export class ClientBody extends Readable {
  readonly #source: IncomingMessage
  readonly #idle: NodeJS.Timeout

  constructor(source: IncomingMessage, idleMs: number) {
    super({ highWaterMark: 65_536 })
    this.#source = source
    this.#idle = setTimeout(() => this.emit('stalled'), idleMs)
    source.pause()
    source.on('data', this.#take).on('end', this.#finish)
  }

  /** Whether the reader, not the client, is what holds the upload up. */
  get heldBack(): boolean {
    return this.#source.isPaused()
  }

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#idle)
    this.#source.off('data', this.#take).off('end', this.#finish)
    this.#source.resume()
    done(error)
  }

  readonly #take = (chunk: Buffer) => {
    this.#idle.refresh()
    if (!this.push(chunk)) this.#source.pause()
  }

  readonly #finish = () => {
    clearTimeout(this.#idle)
    this.push(null)
    this.emit('received')
  }
}
