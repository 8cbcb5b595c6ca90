/** An answer as it comes from the origin: collected until somebody takes it, then passed on with back-pressure. */
import type { Dispatcher } from 'undici'
import type { Delivery } from './delivery.ts'
import type { AnswerHeaders } from './fields.ts'

export interface Head {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly message: string | undefined
}

/** Told what happens until the answer is held or taken. */
export interface Watcher {
  inform?(status: number, headers: AnswerHeaders): void
  head(head: Head): void
  data?(size: number): void
  end?(): void
  error(error: Error): void
}

type Outcome = { readonly trailers: AnswerHeaders } | { readonly error: Error }

/** A dispatch handler. Whoever dispatches it either takes the answer or aborts it. */
export class LiveAnswer implements Dispatcher.DispatchHandler {
  readonly #watcher: Watcher
  #controller: Dispatcher.DispatchController | undefined
  #head: Head | undefined
  #chunks: Buffer[] = []
  #size = 0
  #outcome: Outcome | undefined
  #held = false
  #taker: Delivery | undefined
  #abandoned: Error | undefined

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  get head(): Head | undefined {
    return this.#head
  }

  /** A copy of what was collected so far, all of it once `end` was told; chunks would keep whole socket buffers alive. */
  body(): Buffer {
    const body = Buffer.allocUnsafeSlow(this.#size)
    let at = 0
    for (const chunk of this.#chunks) at += chunk.copy(body, at)
    return body
  }

  /** Lets no more of it come until it is taken; a chunk already read may still be. */
  hold(): void {
    this.#held = true
    this.#controller?.pause()
  }

  /** Hands over what is here, under these headers, and whatever comes from now on. Once, after the head. */
  take(delivery: Delivery, headers: AnswerHeaders): void {
    const head = this.#head as Head
    this.#taker = delivery
    delivery.start(head.status, headers, head.message)
    for (const chunk of this.#chunks) delivery.data(chunk)
    this.#chunks = []
    if (this.#outcome) this.#finish(this.#outcome, delivery)
    else if (this.#controller) delivery.follow(this.#controller)
  }

  /** Nobody wants it: cancels the request, unless it has ended or was taken (then it follows whoever took it). */
  abort(reason: Error): void {
    if (this.#outcome || this.#abandoned || this.#taker) return
    this.#abandoned = reason
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#abandoned) controller.abort(this.#abandoned)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders, message?: string): void {
    if (status < 200) {
      this.#watcher.inform?.(status, headers)
    } else {
      this.#head = { status, headers, message }
      this.#watcher.head(this.#head)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#taker) {
      this.#taker.data(chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#held) controller.pause()
    else this.#watcher.data?.(this.#size)
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: AnswerHeaders): void {
    this.#settle({ trailers })
    if (!this.#taker && !this.#held) this.#watcher.end?.()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#settle({ error })
    if (!this.#taker && !this.#held) this.#watcher.error(error)
  }

  #settle(outcome: Outcome): void {
    this.#outcome = outcome
    if (this.#taker) this.#finish(outcome, this.#taker)
  }

  #finish(outcome: Outcome, delivery: Delivery): void {
    if ('error' in outcome) delivery.fail(outcome.error)
    else delivery.end(outcome.trailers)
  }
}
