/** A fill's answer on its way: its body is collected once, and any number of readers take it, each at his own pace. */
import { type Chunk, Cursor, type Following } from './cursor.ts'
import type { Source } from './delivery.ts'
import { type AnswerHeaders, contentLength } from './fields.ts'
import type { Head, Outcome, Taker } from './live-answer.ts'
import { Pace } from './pace.ts'

/** Told, once, what became of an answer that was collected. */
export interface Collector {
  /** Here is all of its body. */
  whole(body: Buffer): void
  /** It is longer than may be kept: from now on it passes only. */
  outgrown(): void
  broken(error: Error): void
}

/**
 * ```
 * collecting --end--> ended
 *    \--longer than may be kept, `pass`--> passing --end--> ended
 * ```
 * While it is collected nothing holds it back, since all of it is kept. Once it passes, its readers do.
 */
type State = 'collecting' | 'passing' | 'ended'

export class RunningAnswer implements Taker {
  readonly head: Head
  /** Bytes of the whole body, where its head says so; another length breaks it. */
  readonly length: number | undefined
  readonly #maxBytes: number
  readonly #collector: Collector
  readonly #readers = new Set<Cursor>()
  readonly #pace = new Pace(this.#readers)
  readonly #body = Promise.withResolvers<Buffer | undefined>()
  #state: State = 'collecting'
  #source: Source | undefined
  /** Where readers begin; none where what they would read first is gone. */
  #first: Chunk | undefined = { bytes: Buffer.alloc(0), next: undefined }
  #last: Chunk = this.#first as Chunk
  #size = 0
  #outcome: Outcome | undefined
  /** Whoever asked for it has neither joined nor said that he will not. */
  #awaited = true

  /** `maxBytes`: of the longest body that may be kept. */
  constructor(head: Head, maxBytes: number, collector: Collector) {
    this.head = head
    this.length = head.status === 204 ? undefined : contentLength(head.headers)
    this.#maxBytes = maxBytes
    this.#collector = collector
    this.#body.promise.catch(() => {})
  }

  /** Whether one who joins now gets all of it. */
  get open(): boolean {
    return this.#first !== undefined
  }

  /** Whether all of it is known to be no longer than may be kept: a part may then be waited for. */
  get short(): boolean {
    return this.length !== undefined && this.length <= this.#maxBytes
  }

  /** Why it broke. */
  get error(): Error | undefined {
    return this.#outcome && 'error' in this.#outcome ? this.#outcome.error : undefined
  }

  /** Resolves with the body, once that is whole, or with nothing, once it is known not to be kept; rejects where it breaks. */
  get body(): Promise<Buffer | undefined> {
    return this.#body.promise
  }

  /** A reader whose delivery has begun gets the body from here on. Only while it is `open` and has no `error`. */
  join(following: Following): void {
    const cursor = new Cursor(this, this.#first as Chunk, following)
    this.#readers.add(cursor)
    following.delivery.follow(cursor)
  }

  /** Whoever asked for it has joined or will not: if it passes, and has no reader, nobody wants it. */
  release(): void {
    this.#awaited = false
    this.#settle()
  }

  /** Keeps nothing more than its readers, those of now, have yet to read. */
  pass(): void {
    if (this.#state !== 'collecting') return
    this.#state = 'passing'
    this.#body.resolve(undefined)
    this.#settle()
  }

  /** Ends it for everybody. */
  cancel(reason: Error): void {
    if (this.#outcome) return
    this.#source?.abort(reason)
    this.fail(reason)
  }

  /** A reader went on, or can. */
  moved(cursor: Cursor): void {
    this.#serve(cursor)
    this.#settle()
  }

  /** A reader has gone, or has all that he wanted. */
  left(cursor: Cursor): void {
    this.#readers.delete(cursor)
    this.#settle()
  }

  follow(source: Source): void {
    this.#source = source
    if (this.error) source.abort(this.error)
    else this.#settle()
  }

  data(bytes: Buffer): void {
    if (this.#outcome) return
    this.#size += bytes.length
    if (this.length !== undefined && this.#size > this.length) {
      this.cancel(new Error(`the body is longer than its Content-Length, ${this.length}`))
      return
    }
    this.#last = this.#last.next = { bytes, next: undefined }
    // Whoever was told of this answer has joined by now, unless none of them had time to.
    if (this.#state === 'passing' && this.#readers.size > 0) this.#first = undefined
    if (this.#state === 'collecting' && this.#size > this.#maxBytes) {
      this.pass()
      this.#collector.outgrown()
    }
    for (const reader of this.#readers) this.#serve(reader)
    this.#settle()
  }

  end(trailers: AnswerHeaders): void {
    if (this.#outcome) return
    if (this.length !== undefined && this.#size !== this.length) {
      this.fail(new Error(`the body is ${this.#size} bytes long, its Content-Length ${this.length}`))
      return
    }
    const collected = this.#finish({ trailers })
    if (collected) {
      const body = this.#copy()
      this.#body.resolve(body)
      // First, so that whoever has seen the end finds the answer stored.
      this.#collector.whole(body)
    }
    for (const reader of this.#readers) this.#serve(reader)
  }

  fail(error: Error): void {
    if (this.#outcome) return
    const collected = this.#finish({ error })
    if (collected) {
      this.#body.reject(error)
      this.#collector.broken(error)
    }
    for (const { delivery } of this.#readers) delivery.fail(error)
    this.#readers.clear()
  }

  /** Whether it was collected until now. */
  #finish(outcome: Outcome): boolean {
    const collected = this.#state === 'collecting'
    this.#outcome = outcome
    this.#state = 'ended'
    this.#pace.stop()
    return collected
  }

  #serve(reader: Cursor): void {
    const ended = this.#outcome && 'trailers' in this.#outcome ? this.#outcome.trailers : undefined
    if (reader.take(ended)) this.#readers.delete(reader)
  }

  /** Holds back, lets on or cancels what only passes. */
  #settle(): void {
    if (this.#state !== 'passing') return
    if (this.#readers.size > 0 || this.#awaited) this.#pace.keep(this.#size, this.#source)
    else this.cancel(new Error('nobody reads this answer any more'))
  }

  /** Of its own: chunks would keep whole socket buffers alive. */
  #copy(): Buffer {
    const body = Buffer.allocUnsafeSlow(this.#size)
    let at = 0
    for (let chunk = this.#first; chunk; chunk = chunk.next) at += chunk.bytes.copy(body, at)
    return body
  }
}
