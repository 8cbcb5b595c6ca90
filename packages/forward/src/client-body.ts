/** The client's body: in one piece where it is all there, else as a stream for dispatchers to read and to destroy. */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** Undefined where more is to come, or nobody said how much: with a stream each attempt pays for two more. */
export function wholeBody(source: IncomingMessage): Buffer | undefined {
  if (source.readableLength !== Number(source.headers['content-length'])) return undefined
  const body: Buffer = source.read()
  // Its end is still to be read.
  source.resume()
  return body
}

/**
 * undici destroys the body it was given when the upstream fails or answers early; the client's connection must outlive
 * that, to carry the answer. Destroyed, it lets the rest of the upload run into the void.
 *
 * Emits `received` when the client has sent the last byte.
 */
export class ClientBody extends Readable {
  readonly #source: IncomingMessage

  constructor(source: IncomingMessage) {
    super()
    this.#source = source
    source.pause()
    source.on('data', this.#take).on('end', this.#finish)
  }

  override _read(): void {
    this.#source.resume()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.off('data', this.#take).off('end', this.#finish)
    this.#source.resume()
    done(error)
  }

  readonly #take = (chunk: Buffer) => {
    if (!this.push(chunk)) this.#source.pause()
  }

  readonly #finish = () => {
    this.push(null)
    this.emit('received')
  }
}
