/** One reader's place in a body that is on its way. */
import type { Delivery, Source } from './delivery.ts'
import type { AnswerHeaders } from './fields.ts'
import type { Part } from './ranges.ts'

/** Bodies are chains: what all readers have passed is nobody's any more. */
export interface Chunk {
  readonly bytes: Buffer
  next: Chunk | undefined
}

/** How a reader follows a body. */
export interface Following {
  readonly delivery: Delivery
  /** All there is, if not given. */
  readonly part?: Part
  /** Whether the trailers are for him, too. */
  readonly trailers: boolean
  /** He has gone before he had all. */
  left(reason: Error): void
}

/** Whom it tells that it can go on, or will not. */
interface Body {
  moved(cursor: Cursor): void
  left(cursor: Cursor): void
}

export class Cursor implements Source {
  readonly #body: Body
  readonly #following: Following
  /** The last one taken. */
  #chunk: Chunk
  #at = 0

  /** `first` holds no bytes. */
  constructor(body: Body, first: Chunk, following: Following) {
    this.#body = body
    this.#chunk = first
    this.#following = following
  }

  get delivery(): Delivery {
    return this.#following.delivery
  }

  /** Bytes of the body that he has passed. */
  get at(): number {
    return this.#at
  }

  /** Hands on what is here, as far as the reader takes it; whether he needs no more. `trailers`: there is no more. */
  take(trailers: AnswerHeaders | undefined): boolean {
    const { delivery, part } = this.#following
    while (this.#chunk.next && !delivery.paused && !delivery.over && !this.#complete) {
      this.#chunk = this.#chunk.next
      const { bytes } = this.#chunk
      const wanted = part
        ? bytes.subarray(Math.max(0, part.first - this.#at), Math.max(0, part.last + 1 - this.#at))
        : bytes
      this.#at += bytes.length
      if (wanted.length > 0) delivery.data(wanted)
    }
    if (!this.#complete && (this.#chunk.next || !trailers)) return delivery.over
    delivery.end((this.#following.trailers && trailers) || {})
    return true
  }

  /** The delivery keeps what may still come; nothing does, until it goes on. */
  pause(): void {}

  resume(): void {
    this.#body.moved(this)
  }

  abort(reason: Error): void {
    this.#body.left(this)
    this.#following.left(reason)
  }

  get #complete(): boolean {
    const { part } = this.#following
    return part !== undefined && this.#at > part.last
  }
}
