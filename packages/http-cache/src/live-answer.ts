/** An answer as it comes from the origin: collected until somebody takes it, then passed on with back-pressure. */
import type { Dispatcher } from 'undici'
import type { Delivery } from './delivery.ts'
import type { AnswerHeaders } from './fields.ts'

export interface Head {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly message: string | undefined
}

/** Told what happens while the answer is collected. */
interface Watcher {
  head(head: Head): void
  /** Bytes of the body so far. */
  data?(size: number): void
  end?(): void
  error(error: Error): void
}

/**
 * ```
 * collecting --hold--> held --take--> taken
 *      \-----------take-------------/
 * ```
 */
type State =
  | { readonly at: 'collecting' }
  /** No more is let in, and its watcher is told nothing more. */
  | { readonly at: 'held' }
  | { readonly at: 'taken'; readonly by: Delivery }

type Outcome = { readonly trailers: AnswerHeaders } | { readonly error: Error }

/** A dispatch handler. Whoever dispatches it either takes the answer or aborts it. */
export class LiveAnswer implements Dispatcher.DispatchHandler {
  readonly #asker: Delivery
  readonly #watcher: Watcher
  #state: State = { at: 'collecting' }
  #controller: Dispatcher.DispatchController | undefined
  #head: Head | undefined
  #chunks: Buffer[] = []
  #size = 0
  #outcome: Outcome | undefined
  #unwanted: Error | undefined

  /** `asker` gets informational answers (1xx) at once: nobody else can have a use for them. */
  constructor(asker: Delivery, watcher: Watcher) {
    this.#asker = asker
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
    this.#state = { at: 'held' }
    this.#controller?.pause()
  }

  /** Hands over what is here, under these headers, and whatever comes from now on. Once, after the head. */
  take(delivery: Delivery, headers: AnswerHeaders): void {
    const head = this.#head as Head
    this.#state = { at: 'taken', by: delivery }
    delivery.start(head.status, headers, head.message)
    for (const chunk of this.#chunks) delivery.data(chunk)
    this.#chunks = []
    if (this.#outcome) finish(delivery, this.#outcome)
    else if (this.#controller) delivery.follow(this.#controller)
  }

  /** Nobody wants it: cancels the request, unless it has ended or was taken (then it follows whoever took it). */
  abort(reason: Error): void {
    if (this.#outcome || this.#unwanted || this.#state.at === 'taken') return
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
      this.#head = { status, headers, message }
      this.#watcher.head(this.#head)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state.at === 'taken') {
      this.#state.by.data(chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#state.at === 'held') controller.pause()
    else this.#watcher.data?.(this.#size)
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: AnswerHeaders): void {
    this.#outcome = { trailers }
    if (this.#state.at === 'taken') finish(this.#state.by, this.#outcome)
    else if (this.#state.at === 'collecting') this.#watcher.end?.()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#outcome = { error }
    if (this.#state.at === 'taken') finish(this.#state.by, this.#outcome)
    else if (this.#state.at === 'collecting') this.#watcher.error(error)
  }
}

function finish(delivery: Delivery, outcome: Outcome): void {
  if ('error' in outcome) delivery.fail(outcome.error)
  else delivery.end(outcome.trailers)
}
