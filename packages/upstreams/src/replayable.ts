/** A request's body, streamed, that can be sent a second time while it is short. */
import { Readable } from 'node:stream'

/** Bytes. What was sent is kept up to here, and only until the answer begins. */
const KEEP = 65_536

/** Feeds one copy at a time, at the pace at which that is read; the source stays open when a copy is destroyed. */
export class ReplayableBody {
  readonly #source: Readable
  #kept: Buffer[] | undefined = []
  #bytes = 0
  #ended: boolean
  #copy: Readable | undefined

  constructor(source: Readable) {
    this.#source = source
    this.#ended = source.readableEnded
    source.pause()
    source.on('data', (chunk: Buffer) => this.#pass(chunk))
    source.on('end', () => {
      this.#ended = true
      this.#copy?.push(null)
    })
    source.on('error', (error) => this.#copy?.destroy(error))
    source.on('close', () => {
      if (!this.#ended) this.#copy?.destroy()
    })
  }

  /** Whether all that has been sent is still here, and the rest may yet come. */
  get replayable(): boolean {
    return this.#kept !== undefined && (this.#ended || !this.#source.destroyed)
  }

  /** The body from its first byte, for one attempt; it must be replayable. */
  copy(): Readable {
    const copy = new Readable({ read: () => this.#source.resume() })
    // Its source may break off when nobody listens to the copy any more.
    copy.on('error', () => {})
    this.#copy = copy
    for (const chunk of this.#kept ?? []) copy.push(chunk)
    if (this.#ended) copy.push(null)
    else if (this.#source.destroyed) copy.destroy()
    return copy
  }

  /** Ends the copy that is being sent, so that nothing more is taken from the source until the next one. */
  stop(): void {
    this.#source.pause()
    this.#copy?.destroy()
    this.#copy = undefined
  }

  /** Forgets what was kept: the answer has begun, and nothing will be sent again. */
  settle(): void {
    this.#kept = undefined
  }

  /** The request is over. What is left of the source is read away, or its connection would never carry another request. */
  discard(): void {
    this.stop()
    this.settle()
    this.#source.resume()
  }

  #pass(chunk: Buffer): void {
    this.#bytes += chunk.byteLength
    if (this.#bytes > KEEP) this.#kept = undefined
    this.#kept?.push(chunk)
    if (this.#copy?.push(chunk) === false) this.#source.pause()
  }
}
