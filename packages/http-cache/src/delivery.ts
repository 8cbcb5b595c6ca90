/** One reader's end of an answer: keeps what comes while the reader pauses, and tells whoever makes it when he leaves. */
import type { Dispatcher } from 'undici'
import type { AnswerHeaders } from './fields.ts'

/** What a delivery can hold back or cancel: the answer behind it, or the wait for one. */
export type Source = Pick<Dispatcher.DispatchController, 'pause' | 'resume' | 'abort'>

/**
 * The controller that a handler is given, in place of undici's: it lives before there is any request to the origin and
 * outlasts a change of source. As undici's does, it hands out head and errors even while paused, data and end never.
 */
export class Delivery implements Dispatcher.DispatchController {
  aborted = false
  paused = false
  reason: Error | null = null
  /** fetch and `responseHeaders: 'raw'` read the head from here. */
  rawHeaders: AnswerHeaders | null = null
  rawTrailers: AnswerHeaders | null = null
  readonly #handler: Dispatcher.DispatchHandler
  #source: Source | undefined
  #waiting: Buffer[] = []
  #trailers: AnswerHeaders | undefined
  #begun = false
  #over = false

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler
    this.#safely(() => handler.onRequestStart?.(this, null))
  }

  /** Whether nothing can be delivered any more. */
  get over(): boolean {
    return this.#over
  }

  /** From now on this is held back and cancelled with the reader; at once, if he is gone or pauses. */
  follow(source: Source): void {
    this.#source = source
    if (this.#over) source.abort(this.reason ?? new Error('nobody waits for this answer any more'))
    else if (this.paused) source.pause()
    else source.resume()
  }

  /** An answer's head, or an informational one (1xx) before it; one that comes after it is for nobody. */
  start(status: number, headers: AnswerHeaders, message?: string): void {
    if (this.#over || this.#begun) return
    this.#begun = status >= 200
    this.rawHeaders = headers
    this.#safely(() => this.#handler.onResponseStart?.(this, status, headers, message))
  }

  data(chunk: Buffer): void {
    if (this.#over) return
    if (this.paused) this.#waiting.push(chunk)
    else this.#safely(() => this.#handler.onResponseData?.(this, chunk))
  }

  end(trailers: AnswerHeaders): void {
    if (this.#over) return
    this.#trailers = trailers
    if (!this.paused) this.#finish(trailers)
  }

  fail(error: Error): void {
    if (this.#over) return
    this.#over = true
    this.#waiting = []
    this.#handler.onResponseError?.(this, error)
  }

  pause(): void {
    this.paused = true
    this.#source?.pause()
  }

  resume(): void {
    if (!this.paused || this.#over) return
    this.paused = false
    while (!this.paused && this.#waiting.length > 0) this.data(this.#waiting.shift() as Buffer)
    if (this.paused) return
    if (this.#trailers) this.#finish(this.#trailers)
    else this.#source?.resume()
  }

  abort(reason: Error): void {
    if (this.#over) return
    this.aborted = true
    this.reason = reason
    this.#source?.abort(reason)
    this.fail(reason)
  }

  #finish(trailers: AnswerHeaders): void {
    if (this.#over) return
    this.#over = true
    this.rawTrailers = trailers
    try {
      this.#handler.onResponseEnd?.(this, trailers)
    } catch (error) {
      this.#handler.onResponseError?.(this, error as Error)
    }
  }

  /** What a handler throws becomes its own request's error, as in undici. */
  #safely(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.abort(error as Error)
    }
  }
}
