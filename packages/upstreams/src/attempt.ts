/** One request, in the queue or on its way to an endpoint: undici's handler, and the controller of whoever asked. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Deadlines } from './deadlines.ts'
import type { Endpoint } from './endpoint.ts'
import { proxyError, UpstreamError } from './errors.ts'
import { type Exchange, exchangeOf, type ProxyErrorType } from './exchange.ts'
import { isEventStream } from './headers.ts'
import { LastingController } from './lasting-controller.ts'
import { limits } from './limits.ts'
import type { Queue, Queued } from './queue.ts'
import type { Running } from './running.ts'
import { overdue, type Phase } from './silence.ts'

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/** What the requests of a cluster share. */
export interface Surroundings {
  readonly queue: Queue<Endpoint, Attempt>
  readonly running: Running
  /** The deadlines of those in the queue. */
  readonly waiting: Deadlines
  /** Milliseconds, on the clock of `Exchange.deadlineAt`. */
  readonly clock: () => number
}

/** Failures that say nothing about the endpoint: the request's fault, or ours. */
const OURS: readonly ProxyErrorType[] = [
  'http_request_error',
  'destination_unavailable',
  'connection_limit_reached',
  'proxy_internal_error',
]

export class Attempt extends LastingController implements Dispatcher.DispatchHandler, Queued<Endpoint> {
  readonly exchange: Exchange | undefined
  readonly #options: Dispatcher.DispatchOptions
  readonly #handler: Dispatcher.DispatchHandler
  readonly #around: Surroundings
  #endpoint: Endpoint | undefined
  /** When it began to wait, then when it was sent. */
  #startedAt = 0
  /** Whoever asked has the controller. */
  #introduced = false
  place = 0
  /** Until the answer begins. */
  deadlineAt: number
  #phase: Phase = 'queued'
  /** On `Running.swept`: when the phase began, or its last byte passed. */
  #movedAt: number
  #idleLimit: number = limits.idle
  #socket: Duplex | undefined
  /** The first byte of an answer has come, if only of an informational one. */
  #answerBegan = false

  constructor(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, around: Surroundings) {
    super()
    this.#options = options
    this.#handler = handler
    this.#around = around
    this.#movedAt = around.running.swept
    this.exchange = exchangeOf(options)
    // Of an attempt before this one.
    if (this.exchange?.error) delete this.exchange.error
    this.deadlineAt = this.exchange?.deadlineAt ?? Number.POSITIVE_INFINITY
  }

  wait(): void {
    this.#startedAt = this.#around.clock()
    this.#around.waiting.add(this)
    this.#introduce()
  }

  /** Sends the request. */
  start(endpoint: Endpoint): boolean {
    const now = this.#around.clock()
    if (this.#introduced) {
      this.#around.waiting.delete(this)
      this.exchange?.timings.push({ name: 'pending', ms: now - this.#startedAt })
    }
    this.#startedAt = now
    this.#endpoint = endpoint
    if (this.exchange) this.exchange.endpoint = endpoint.origin
    this.#enter('connecting')
    this.#around.running.add(this)
    endpoint.sent()
    if (!this.#introduced) this.#introduce()
    if (this.aborted) return true
    const { named, pool, servername } = endpoint
    const options: Dispatcher.DispatchOptions & { servername: string } = {
      ...this.#options,
      origin: named,
      servername,
      // undici would look for what it can pipeline as soon as an answer begins; it is to pipeline nothing.
      blocking: false,
    }
    return pool.dispatch(options, this)
  }

  refuse(type: ProxyErrorType): false {
    this.#fail(new UpstreamError(type, { sent: false }))
    return false
  }

  /** Ends what has been silent for too long. */
  sweep(): void {
    // Who pauses us is not silent.
    if (this.#phase === 'receiving' && this.paused) return
    const silent = this.#around.running.swept - this.#movedAt
    const type = overdue(this.#phase, silent, this.#options, this.#idleLimit)
    if (type === 'connection_limit_reached') this.#around.queue.reject(this, 'pending')
    else if (type === 'http_request_error') this.#expire(type, 'the request’s body stopped coming')
    else if (type) this.#expire(type)
  }

  // The controller

  override resume(): void {
    this.#movedAt = this.#around.running.swept
    super.resume()
  }

  protected get isOver(): boolean {
    return this.#phase === 'over'
  }

  /** Before there is a connection, the request is taken back without having been sent. */
  protected stop(reason: Error): void {
    if (this.#socket) this.#socket.destroy()
    else if (this.live) this.live.abort(reason)
    else this.#fail(reason)
  }

  // The handler

  onRequestStart(live: Dispatcher.DispatchController): void {
    if (this.standFor(live)) this.#enter('sending')
  }

  onBodySent(chunk: Buffer): void {
    this.#movedAt = this.#around.running.swept
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    if (this.#phase === 'sending') this.#enter('waiting')
    this.#handler.onRequestSent?.()
  }

  onResponseStarted(): void {
    this.#answerBegan = true
    this.#handler.onResponseStarted?.()
  }

  onRequestUpgrade(_live: unknown, status: number, headers: Headers, socket: Duplex): void {
    this.#enter('upgraded')
    this.#answered(status, headers)
    this.#socket = socket
    socket.once('close', () => this.#end())
    if ('setTimeout' in socket) {
      ;(socket as Socket).setTimeout(limits.streamIdle, () => socket.destroy())
    }
    this.#handler.onRequestUpgrade?.(this, status, headers, socket)
  }

  /** Informational answers come this way too; a 102 or 103 says that the upstream is still at it. */
  onResponseStart(_live: unknown, status: number, headers: Headers, message?: string): void {
    this.#movedAt = this.#around.running.swept
    if (status >= 200) {
      this.#enter('receiving')
      if (isEventStream(headers['content-type'])) this.#idleLimit = limits.streamIdle
      this.#answered(status, headers)
    }
    this.#handler.onResponseStart?.(this, status, headers, message)
  }

  onResponseData(_live: unknown, chunk: Buffer): void {
    this.#movedAt = this.#around.running.swept
    this.#handler.onResponseData?.(this, chunk)
  }

  onResponseEnd(_live: unknown, trailers: Headers): void {
    this.#end()
    this.#handler.onResponseEnd?.(this, trailers)
  }

  onResponseError(_live: unknown, error: Error): void {
    this.#fail(error)
  }

  #enter(phase: Phase): void {
    this.#phase = phase
    this.#movedAt = this.#around.running.swept
  }

  /**
   * Whoever asked gets the controller first, before there is a connection, so that he can leave while we wait or connect.
   */
  #introduce(): void {
    this.#introduced = true
    this.#handler.onRequestStart?.(this, null)
    if (this.deadlineAt <= this.#startedAt) this.late()
  }

  #answered(status: number, headers: Headers): void {
    this.deadlineAt = Number.POSITIVE_INFINITY
    const ms = this.#around.clock() - this.#startedAt
    this.exchange?.timings.push({ name: 'upstream', ms })
    this.#endpoint?.answered(ms, countsAgainst(status, headers), headers['x-load'])
  }

  late(): void {
    this.deadlineAt = Number.POSITIVE_INFINITY
    this.#expire('http_response_timeout', 'the caller’s deadline is over')
  }

  #expire(type: ProxyErrorType, detail?: string): void {
    const sent = this.live !== undefined
    const error = new UpstreamError(type, { sent, ...(detail === undefined ? {} : { detail }) })
    // The caller's own deadline and a body that stops coming say nothing about the endpoint.
    if (detail === undefined) this.#endpoint?.broke(type, this.#phase === 'receiving')
    this.abort(error)
  }

  #fail(error: Error): void {
    if (this.#phase === 'over') return
    const told = error instanceof UpstreamError || this.aborted || this.#bodyBroke(error)
    const failure = told ? error : this.#blame(error)
    if (this.exchange && failure instanceof UpstreamError) this.exchange.error = failure.type
    this.#end()
    this.#handler.onResponseError?.(this, failure)
  }

  /** Whether the request's body failed, not the upstream; the sender's ECONNRESET looks like the upstream's. */
  #bodyBroke(error: Error): boolean {
    const { body } = this.#options
    const errored = typeof body === 'object' && body !== null && 'errored' in body ? body.errored : undefined
    return errored === error || (error as NodeJS.ErrnoException).code === 'UND_ERR_ABORTED'
  }

  /** The failure in our terms, counted against the endpoint if it is its own. */
  #blame(cause: Error): UpstreamError {
    const type = proxyError(cause)
    const incomplete = type === 'connection_terminated' && this.#answerBegan
    const sent = this.live !== undefined
    const failure = new UpstreamError(incomplete ? 'http_response_incomplete' : type, { sent, cause })
    if (!OURS.includes(type)) this.#endpoint?.broke(failure.type, this.#phase === 'receiving')
    return failure
  }

  #end(): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    const { queue, running, waiting } = this.#around
    if (this.#endpoint) {
      running.delete(this)
      this.#endpoint.inFlight--
      queue.wake()
    } else if (this.#introduced) {
      waiting.delete(this)
      queue.leave(this)
    }
  }
}

/** A 5xx is a failure, except one that a hop behind made (it has `Proxy-Status`) and one that asks to come back later. */
function countsAgainst(status: number, headers: Headers): boolean {
  if (status < 500 || headers['proxy-status'] !== undefined) return false
  return !(status === 503 && headers['retry-after'] !== undefined)
}
