/** An answer of the cache service while it comes: its head, then its body piece by piece, without a stream of Node's for each. */
import type { Dispatcher } from 'undici'

type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/** Bytes that may wait to be read before the connection waits, too. */
const UNREAD = 262_144

export interface Head {
  readonly status: number
  readonly headers: Headers
}

export class Incoming implements Dispatcher.DispatchHandler, AsyncIterable<Buffer>, AsyncIterator<Buffer, undefined> {
  readonly #head = Promise.withResolvers<Head>()
  readonly #signals: readonly AbortSignal[]
  readonly #leave = () => this.destroy(this.#signals.find(({ aborted }) => aborted)?.reason)
  #controller: Controller | undefined
  #unread: Buffer[] = []
  #bytes = 0
  #reader: PromiseWithResolvers<IteratorResult<Buffer, undefined>> | undefined
  #error: Error | undefined
  #ended = false

  /** Each of the signals cancels it, until its end. */
  constructor(...signals: readonly AbortSignal[]) {
    this.#signals = signals
    for (const signal of signals) signal.addEventListener('abort', this.#leave)
    if (signals.some(({ aborted }) => aborted)) this.#leave()
  }

  /** Rejects with what it failed with, or was cancelled for, before it came. */
  get head(): Promise<Head> {
    return this.#head.promise
  }

  /** Whether all of it is here, read or not. */
  get ended(): boolean {
    return this.#ended
  }

  /** Cancels what is not here yet; who reads is told why. */
  destroy(why = new Error('nobody wants the rest of this answer')): void {
    if (this.#ended || this.#error) return
    this.#fail(why)
    this.#controller?.abort(why)
  }

  /** Reads it to its end, for nobody: its connection serves others then. */
  async dump(): Promise<void> {
    while (!(await this.next()).done);
  }

  /** For one reader, and one call at a time. */
  async next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#unread.length > 0) {
      const [first] = this.#unread
      const value = first && this.#unread.length === 1 ? first : Buffer.concat(this.#unread)
      this.#unread = []
      this.#bytes = 0
      if (this.#controller?.paused) this.#controller.resume()
      return { value, done: false }
    }
    if (this.#error) throw this.#error
    if (this.#ended) return { value: undefined, done: true }
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#error) controller.abort(this.#error)
  }

  onResponseStart(_controller: Controller, status: number, headers: Headers): void {
    if (status >= 200) this.#head.resolve({ status, headers })
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#reader) {
      this.#reader.resolve({ value: chunk, done: false })
      this.#reader = undefined
      return
    }
    this.#unread.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > UNREAD) controller.pause()
  }

  onResponseEnd(): void {
    this.#ended = true
    this.#forget()
    this.#reader?.resolve({ value: undefined, done: true })
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#error) return
    this.#error = error
    this.#forget()
    this.#head.promise.catch(() => {})
    this.#head.reject(error)
    this.#reader?.reject(error)
  }

  #forget(): void {
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#leave)
  }
}
