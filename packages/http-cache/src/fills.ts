/** What protects an origin whose cache is cold or away: so many requests for reads at once, the rest in line. */
import { type Exchange, exchangeOf, type ProxyErrorType, Queue, type Queued, UpstreamError } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'

/** As many as may wait for a cluster. */
const LONGEST_LINE = 1024
/** Milliseconds: how long one waits for its turn, at most, as for a cluster's. */
const PATIENCE = 5000

/** Whose turn it is goes to the same place. */
const ORIGIN = {}

/**
 * One for an interceptor. A turn ends when the answer begins: how fast its body is taken is its reader's matter, and
 * one who takes it slowly must not keep others from the origin.
 */
export class Fills {
  readonly #running = { size: 0 }
  readonly #queue: Queue<object, Turn>

  /** @param most requests at once */
  constructor(most: number) {
    const limits = { connections: most, pending: LONGEST_LINE, requests: most + LONGEST_LINE }
    const choose = (_: Exchange | undefined, open: boolean) => (open ? ORIGIN : 'busy')
    this.#queue = new Queue({ limits, running: this.#running, choose })
  }

  /**
   * The same act, in turn: first come, first served. One that leaves gives up its place; one for which there is no room,
   * or whose turn does not come in time, fails as `connection_limit_reached`, past its own deadline as
   * `http_response_timeout`. A handler whose request waits gets a controller at once, and another when it goes.
   */
  around(dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch {
    return (options, handler) => this.#queue.take(new Turn(dispatch, options, handler, this.#running, this.#queue))
  }
}

class Turn implements Queued<object>, Dispatcher.DispatchHandler, Dispatcher.DispatchController {
  readonly exchange: Exchange | undefined
  readonly #dispatch: Dispatcher.Dispatch
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Dispatcher.DispatchHandler
  readonly #running: { size: number }
  readonly #queue: Queue<object, Turn>
  #patience: NodeJS.Timeout | undefined
  #waitedSince: number | undefined
  #has = false
  aborted = false
  readonly paused = false
  reason: Error | null = null

  constructor(
    dispatch: Dispatcher.Dispatch,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    running: { size: number },
    queue: Queue<object, Turn>,
  ) {
    this.exchange = exchangeOf(options)
    this.#dispatch = dispatch
    this.#options = options
    this.#handler = handler
    this.#running = running
    this.#queue = queue
  }

  start(): boolean {
    clearTimeout(this.#patience)
    if (this.#waitedSince !== undefined) {
      this.exchange?.timings.push({ name: 'fills', ms: performance.now() - this.#waitedSince })
    }
    this.#has = true
    this.#running.size++
    try {
      return this.#dispatch(this.#options, this)
    } catch (error) {
      this.#over()
      // Nobody is there to catch it where the turn was given by another's end.
      if (this.#waitedSince === undefined) throw error
      this.#handler.onResponseError?.(this, error as Error)
      return true
    }
  }

  wait(): void {
    const now = performance.now()
    const left = (this.exchange?.deadlineAt ?? Number.POSITIVE_INFINITY) - now
    const giveUp = () => {
      this.#queue.leave(this)
      if (left <= PATIENCE) this.refuse('http_response_timeout')
      else this.#queue.reject(this, 'pending')
    }
    this.#waitedSince = now
    this.#patience = setTimeout(giveUp, Math.min(left, PATIENCE))
    this.#handler.onRequestStart?.(this, null)
  }

  refuse(type: ProxyErrorType): false {
    clearTimeout(this.#patience)
    this.#handler.onResponseError?.(this, new UpstreamError(type, { sent: false }))
    return false
  }

  sweep(): void {}

  /** In line, it leaves; on its way, it is cancelled as soon as it has a controller of its own. */
  abort(reason: Error): void {
    if (this.aborted) return
    this.aborted = true
    this.reason = reason
    if (this.#has) return
    clearTimeout(this.#patience)
    this.#queue.leave(this)
    this.#handler.onResponseError?.(this, reason)
  }

  pause(): void {}
  resume(): void {}

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context)
    if (this.reason) controller.abort(this.reason)
  }

  onResponseStart(...head: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>): void {
    if (head[1] >= 200) this.#over()
    this.#handler.onResponseStart?.(...head)
  }

  onResponseData(...data: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseData']>>): void {
    this.#handler.onResponseData?.(...data)
  }

  onResponseEnd(...end: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseEnd']>>): void {
    this.#handler.onResponseEnd?.(...end)
  }

  onResponseError(...failure: Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseError']>>): void {
    this.#over()
    this.#handler.onResponseError?.(...failure)
  }

  #over(): void {
    if (!this.#has) return
    this.#has = false
    this.#running.size--
    this.#queue.wake()
  }
}
