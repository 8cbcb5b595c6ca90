/** Those who wait for one flight: each until he has a reading, or leaves. */
import type { Entry, Fill, Reading } from './cache.ts'

export interface Reader {
  readonly fill: Fill
  /** What he has and cannot use. */
  readonly held: Entry | undefined
  /** Rejects with his signal's reason, where he leaves without one. */
  readonly reading: Promise<Reading>
  readonly resolve: (reading: Reading) => void
  readonly reject: (reason: unknown) => void
  /** Lets go of his signal. */
  readonly forget: () => void
}

export class Readers implements Iterable<Reader> {
  readonly #waiting = new Set<Reader>()
  /** The last of them has left. */
  readonly #deserted: () => void

  constructor(deserted: () => void) {
    this.#deserted = deserted
  }

  /** He stays until his signal aborts, or he is released. */
  join(fill: Fill, signal: AbortSignal, held: Entry | undefined): Reader {
    const { promise: reading, resolve, reject } = Promise.withResolvers<Reading>()
    const leave = () => {
      this.#waiting.delete(reader)
      reject(signal.reason)
      if (this.#waiting.size === 0) this.#deserted()
    }
    const forget = () => signal.removeEventListener('abort', leave)
    const reader: Reader = { fill, held, reading, resolve, reject, forget }
    this.#waiting.add(reader)
    signal.addEventListener('abort', leave, { once: true })
    return reader
  }

  get first(): Reader | undefined {
    const [first] = this.#waiting
    return first
  }

  [Symbol.iterator](): Iterator<Reader> {
    return this.#waiting.values()
  }

  /** He waits no more. */
  release(reader: Reader): void {
    this.#waiting.delete(reader)
    reader.forget()
  }
}
