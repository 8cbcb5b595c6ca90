/** An undici interceptor that sends a request once more, to another endpoint, where that is safe and affordable. */
import { type Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Budget } from './budget.ts'
import { UpstreamError } from './errors.ts'
import { createExchange, type Exchange, exchangeOf, type ProxyErrorType } from './exchange.ts'
import { LastingController } from './lasting-controller.ts'
import { ReplayableBody } from './replayable.ts'

export interface RetryOptions {
  /** `Upstreams.budget`, so that its `stats` can tell what is left of it. Default: one of its own. */
  readonly budget?: Budget
  /** Milliseconds, monotonic. Default: `performance.now`. */
  readonly clock?: () => number
  /** Default: `Math.random`. */
  readonly random?: () => number
}

/**
 * Around `Upstreams`: a second attempt, never a third, and only before anything of an answer was passed on.
 *
 * - Never sent (refused, say): any method. Lost before any byte of an answer: idempotent ones. At once, outside any budget.
 * - No answer in time, or 503 with `Retry-After` from whoever made it (no `Proxy-Status`): idempotent ones, after up to
 *   50 ms, inside the deadline, within 20 % of the last 10 s' requests plus 10 a second.
 *
 * The second attempt's failure is the caller's, unless no endpoint could take it: then it is the first one's.
 */
export function retry(options: RetryOptions = {}): Dispatcher.DispatcherComposeInterceptor {
  const { budget = new Budget(), clock = () => performance.now(), random = Math.random } = options
  return (dispatch) => (request, handler) => {
    budget.request(clock())
    return new Retrying({ dispatch, request, handler, budget, clock, random }).send()
  }
}

/** RFC 9110, section 9.2.2, and QUERY. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY'])
/** No endpoint could take the request: there is nothing to learn from, and nowhere else to go. */
const NOBODY: readonly ProxyErrorType[] = ['destination_unavailable', 'connection_limit_reached']
/** Milliseconds over which budgeted retries are spread, so that those who failed together do not come back together. */
const JITTER = 50
/** Bytes of a refusal that are read to keep its connection; a longer one is cut. */
const LONGEST_REFUSAL = 65_536

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

interface Means {
  readonly dispatch: Dispatcher.Dispatch
  readonly request: Dispatcher.DispatchOptions
  readonly handler: Dispatcher.DispatchHandler
  readonly budget: Budget
  readonly clock: () => number
  readonly random: () => number
}

/**
 * ```
 * first -> waiting -> second -> over      (first -> over where nothing is sent again)
 * ```
 * Handler of both attempts, and for whoever asked the one controller that acts on the attempt under way.
 */
class Retrying extends LastingController implements Dispatcher.DispatchHandler {
  readonly #means: Means
  readonly #request: Dispatcher.DispatchOptions
  readonly #exchange: Exchange
  readonly #body: ReplayableBody | undefined
  #state: 'first' | 'waiting' | 'second' | 'over' = 'first'
  /** The first attempt, whose answer is not wanted any more. */
  #dropped: Dispatcher.DispatchController | undefined
  #failure: UpstreamError | undefined
  /** Whether the first attempt may have reached its endpoint. */
  #reached = false
  #timer: NodeJS.Timeout | undefined
  /** Whoever asked has the controller. */
  #introduced = false
  /** Whoever asked has something of an answer. */
  #passed = false

  constructor(means: Means) {
    super()
    const { request } = means
    this.#means = means
    const exchange = exchangeOf(request)
    this.#exchange = exchange ?? createExchange()
    this.#request = exchange ? request : ({ ...request, exchange: this.#exchange } as Dispatcher.DispatchOptions)
    if (request.body instanceof Readable) this.#body = new ReplayableBody(request.body)
  }

  send(): boolean {
    const request = this.#body ? { ...this.#request, body: this.#body.copy() } : this.#request
    return this.#means.dispatch(request, this)
  }

  // The controller

  protected get isOver(): boolean {
    return this.#state === 'over'
  }

  protected stop(reason: Error): void {
    clearTimeout(this.#timer)
    if (this.#state === 'waiting') this.#fail(reason)
    else this.live?.abort(reason)
  }

  // The handler

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    if (!this.standFor(controller) || this.#introduced) return
    this.#introduced = true
    this.#means.handler.onRequestStart?.(this, context)
  }

  onBodySent(chunk: Buffer): void {
    this.#means.handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#means.handler.onRequestSent?.()
  }

  onResponseStarted(): void {
    this.#means.handler.onResponseStarted?.()
  }

  onRequestUpgrade(_live: unknown, status: number, headers: Headers, socket: Duplex): void {
    this.#end()
    this.#means.handler.onRequestUpgrade?.(this, status, headers, socket)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers, message?: string): void {
    if (asksToComeBack(status, headers) && this.#idempotent && !this.#passed && this.#sendAgain('budgeted')) {
      this.#reached = true
      this.#drop(controller, headers)
      return
    }
    this.#passed = true
    this.#body?.settle()
    this.#means.handler.onResponseStart?.(this, status, headers, message)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (controller !== this.#dropped) this.#means.handler.onResponseData?.(this, chunk)
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: Headers): void {
    if (controller === this.#dropped) return
    this.#end()
    this.#means.handler.onResponseEnd?.(this, trailers)
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    if (controller === this.#dropped) return
    const again = error instanceof UpstreamError && !this.#passed ? this.#again(error) : 'never'
    if (again === 'never' || !this.#sendAgain(again)) {
      this.#fail(error)
      return
    }
    this.#failure = error as UpstreamError
    this.#reached = this.#failure.sent
  }

  get #idempotent(): boolean {
    return IDEMPOTENT.has(this.#request.method)
  }

  #again({ sent, type }: UpstreamError): 'free' | 'budgeted' | 'never' {
    if (NOBODY.includes(type) || type === 'http_request_error') return 'never'
    if (!sent) return 'free'
    if (!this.#idempotent) return 'never'
    // Once a byte of an answer has come, the type is another one.
    if (type === 'connection_terminated') return 'free'
    return type === 'http_response_timeout' ? 'budgeted' : 'never'
  }

  /** False where there is no second attempt to be had: it was made, or the body, the deadline or the budget forbids it. */
  #sendAgain(how: 'free' | 'budgeted'): boolean {
    const { budget, clock, random } = this.#means
    if (this.#state !== 'first' || this.aborted || this.#body?.replayable === false) return false
    const now = clock()
    const delay = how === 'free' ? 0 : random() * JITTER
    if (now + delay >= (this.#exchange.deadlineAt ?? Number.POSITIVE_INFINITY)) return false
    if (how === 'budgeted' && !budget.spend(now)) return false
    this.#state = 'waiting'
    this.#body?.stop()
    if (this.#exchange.endpoint !== undefined) this.#exchange.tried.push(this.#exchange.endpoint)
    // Even without a delay not from within undici's call: it is taking the failed connection's queue apart.
    this.#timer = setTimeout(() => {
      this.#state = 'second'
      this.send()
    }, delay)
    return true
  }

  #drop(controller: Dispatcher.DispatchController, headers: Headers): void {
    this.#dropped = controller
    this.live = undefined
    if (Number(headers['content-length']) <= LONGEST_REFUSAL) controller.resume()
    else controller.abort(new Error('the answer is not wanted any more'))
  }

  #fail(error: Error): void {
    this.#end()
    const failure = error instanceof UpstreamError ? this.#ofBoth(error) : error
    if (failure instanceof UpstreamError) this.#exchange.error = failure.type
    this.#means.handler.onResponseError?.(this, failure)
  }

  /** What both attempts came to: the last failure says the most, unless it is only that nobody was left to ask. */
  #ofBoth(last: UpstreamError): UpstreamError {
    if (this.#failure && NOBODY.includes(last.type)) return this.#failure
    return this.#reached && !last.sent ? new UpstreamError(last.type, { sent: true, cause: last.cause }) : last
  }

  #end(): void {
    this.#state = 'over'
    this.#body?.discard()
  }
}

/** A refusal by the answer's own maker: with `Proxy-Status`, a hop behind us has looked elsewhere already. */
function asksToComeBack(status: number, headers: Headers): boolean {
  return status === 503 && headers['retry-after'] !== undefined && headers['proxy-status'] === undefined
}
