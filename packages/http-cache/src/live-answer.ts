/** An answer as it comes from the origin: whoever takes it gets its body, with back-pressure, and its end. */
import type { Dispatcher } from 'undici'
import type { Delivery } from './delivery.ts'
import type { AnswerHeaders } from './fields.ts'

export interface Head {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly message: string | undefined
}

/** Who can take an answer. */
export type Taker = Pick<Delivery, 'data' | 'end' | 'fail' | 'follow'>

interface Watcher {
  /** Takes it or holds it before this returns. */
  head(head: Head): void
  /** There will be no answer. */
  error(error: Error): void
}

/** How an answer ended. */
export type Outcome = { readonly trailers: AnswerHeaders } | { readonly error: Error }

/** A dispatch handler. Whoever dispatches it either takes the answer or aborts it. */
export class LiveAnswer implements Dispatcher.DispatchHandler {
  readonly #asker: Delivery
  readonly #watcher: Watcher
  #controller: Dispatcher.DispatchController | undefined
  #begun = false
  #taker: Taker | undefined
  /** What came although it was held. */
  #early: Buffer[] = []
  #outcome: Outcome | undefined
  #unwanted: Error | undefined

  /** `asker` gets informational answers (1xx) at once: nobody else can have a use for them. */
  constructor(asker: Delivery, watcher: Watcher) {
    this.#asker = asker
    this.#watcher = watcher
  }

  /** Lets no more of it come until it is taken; a chunk already read may still be. */
  hold(): void {
    this.#controller?.pause()
  }

  /** Hands over what is here of the body, and whatever comes from now on. Once, after the head. */
  take(taker: Taker): void {
    this.#taker = taker
    for (const chunk of this.#early) taker.data(chunk)
    this.#early = []
    if (this.#outcome) finish(taker, this.#outcome)
    else if (this.#controller) taker.follow(this.#controller)
  }

  /** Nobody wants it: cancels the request, unless it has ended or was taken (then it follows whoever took it). */
  abort(reason: Error): void {
    if (this.#outcome || this.#unwanted || this.#taker) return
    this.#unwanted = reason
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#unwanted) controller.abort(this.#unwanted)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: AnswerHeaders, message?: string): void {
    if (status < 200) {
      this.#asker.start(status, headers)
    } else {
      this.#begun = true
      this.#watcher.head({ status, headers, message })
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#taker) {
      this.#taker.data(chunk)
    } else {
      this.#early.push(chunk)
      controller.pause()
    }
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: AnswerHeaders): void {
    this.#finish({ trailers })
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#begun) this.#finish({ error })
    else this.#watcher.error(error)
  }

  #finish(outcome: Outcome): void {
    this.#outcome = outcome
    if (this.#taker) finish(this.#taker, outcome)
  }
}

function finish(taker: Taker, outcome: Outcome): void {
  if ('error' in outcome) taker.fail(outcome.error)
  else taker.end(outcome.trailers)
}
