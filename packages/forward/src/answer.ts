/** One dispatch's handler: passes the upstream's answer to the client as it comes, and each side's end to the other. */
import type { Duplex } from 'node:stream'
import { type Deadlines, type Due, type Exchange, UpstreamError } from '@spillway/upstreams'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Dispatcher, errors } from 'undici'
import { type AnswerFields, answerHead, endToEnd } from './answer-head.ts'
import type { ClientBody } from './client-body.ts'
import { HopFailure } from './failure.ts'
import type { Hop } from './hop.ts'
import { tunnel } from './tunnel.ts'

/** How long a client may take nothing of a body. */
const IDLE_MS = 60_000

/** Bytes of a whole body that go out with the head as one text: one write of one piece, which costs more than it spares beyond. */
const SHORT = 8_192

/** Layers that know of `deadlineAt` end a late request themselves, and know whose fault it was; this is for the others. */
const GRACE_MS = 100

type Controller = Dispatcher.DispatchController

/**
 * ```
 * waiting --final head--> answering --last byte, either side gone--> over
 *    \------failed, client gone, too late--------------------------/
 * ```
 */
type State = 'waiting' | 'answering' | 'over'

export class Answer implements Dispatcher.DispatchHandler, Due {
  /** Among the deadlines; below 0 while it is not there. */
  place = -1
  deadlineAt = Number.POSITIVE_INFINITY
  #state: State = 'waiting'
  #controller: Controller | undefined
  /** Bytes of the answer's body, where its head tells. */
  #length = Number.NaN
  #bodyBegun = false
  #stalled: NodeJS.Timeout | undefined
  /** Why an attempt that starts after the end is to be dropped. */
  #reason: Error | undefined
  readonly #started = performance.now()
  #failure: HopFailure | undefined
  #awaited: PromiseWithResolvers<void> | undefined
  readonly #hop: Hop
  readonly #deadlines: Deadlines
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #exchange: Exchange
  #body: ClientBody | undefined

  constructor(
    { hop, deadlines }: { hop: Hop; deadlines: Deadlines },
    request: FastifyRequest,
    reply: FastifyReply,
    exchange: Exchange,
  ) {
    this.#hop = hop
    this.#deadlines = deadlines
    this.#request = request
    this.#reply = reply
    this.#exchange = exchange
  }

  /**
   * Resolves when the answer has ended or the client is gone; rejects where there was no answer to pass on. Undefined where
   * it has ended already: out of a cache in this process, it needs neither a promise nor an eye on the client.
   */
  attend(): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure)
    if (this.#state === 'over') return undefined
    this.#reply.raw.on('close', () => this.#clientLeft())
    this.#awaited = Promise.withResolvers()
    return this.#awaited.promise
  }

  /** Says by when the answer's head must come: `timeout` milliseconds after the request's end, which is now or that of `body`. */
  expectWithin(timeout: number, body?: ClientBody): void {
    this.#body = body
    if (body === undefined) this.#expectBy(this.#started + timeout)
    else {
      body.once('received', () => {
        this.#expectBy(performance.now() + timeout)
        this.keepTime()
      })
    }
  }

  #expectBy(deadlineAt: number): void {
    this.#exchange.deadlineAt = deadlineAt
    this.deadlineAt = deadlineAt + GRACE_MS
  }

  /** To be called once it is dispatched: what has been answered by then needs no timer. */
  keepTime(): void {
    const expected = this.deadlineAt < Number.POSITIVE_INFINITY
    if (expected && this.#state === 'waiting' && this.place < 0) this.#deadlines.add(this)
  }

  late(): void {
    this.fail(new UpstreamError('http_response_timeout', { sent: true, detail: 'The upstream did not answer in time' }))
  }

  /** Once it waits no more, its head cannot be late. */
  #become(state: Exclude<State, 'waiting'>): void {
    this.#state = state
    if (this.place < 0) return
    this.#deadlines.delete(this)
    this.place = -1
  }

  /** Gives up before the answer has begun. */
  fail(error: Error): void {
    if (this.#state !== 'waiting') return
    this.#end(error)
    this.#failure = new HopFailure(error, this.#hop, this.#exchange)
    this.#awaited?.reject(this.#failure)
  }

  /** The client takes nothing any more: what it has is not the whole, so its connection is broken. */
  breakOff(error: Error): void {
    if (this.#state !== 'answering') return
    this.#end(error)
    const { socket } = this.#reply.raw
    // Not a clean end: where the connection's end delimits the body (HTTP/1.0), that would look complete.
    socket?.resetAndDestroy()
    this.#awaited?.resolve()
  }

  #clientLeft(): void {
    if (this.#state === 'over') return
    this.#reply.hijack()
    this.#end(new errors.RequestAbortedError('The client is gone'))
    this.#awaited?.resolve()
  }

  #end(reason: Error): void {
    this.#become('over')
    this.#reason = reason
    clearTimeout(this.#stalled)
    this.#controller?.abort(reason)
    this.#body?.destroy()
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#state === 'over') controller.abort(this.#reason ?? new errors.RequestAbortedError())
  }

  onResponseStart(_controller: Controller, status: number, fields: AnswerFields): void {
    if (this.#state !== 'waiting') return
    if (status < 200) {
      this.#inform(status, fields)
      return
    }
    const coding = fields['transfer-encoding']
    if (coding !== undefined && String(coding).toLowerCase() !== 'chunked') {
      // We asked for none but `chunked` (RFC 9112, 7.4), which is all that undici undoes.
      throw new UpstreamError('http_protocol_error', {
        sent: true,
        detail: 'The answer has an unknown transfer coding',
      })
    }
    this.#length = Number(fields['content-length'])
    this.#reply.raw.writeHead(status, this.#head(status, fields))
    // From here on the answer is ours to end; before, a failure is Fastify's to answer.
    this.#reply.hijack()
    this.#become('answering')
    if (headsOnly.push(this) === 1) setImmediate(flushHeads)
  }

  flushHead(): void {
    if (this.#state === 'answering' && !this.#bodyBegun) this.#reply.raw.flushHeaders()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#state !== 'answering') return
    const { raw } = this.#reply
    if (!this.#bodyBegun && chunk.byteLength === this.#length) {
      if (this.#length > SHORT) raw.end(chunk)
      else raw.end(chunk.toString('latin1'), 'latin1')
      this.#complete()
      return
    }
    this.#bodyBegun = true
    if (raw.write(chunk) || controller.paused) return
    controller.pause()
    this.#stalled = setTimeout(clientStalled, IDLE_MS, this)
    raw.once('drain', () => {
      clearTimeout(this.#stalled)
      controller.resume()
    })
  }

  onResponseEnd(_controller: Controller, trailers: AnswerFields): void {
    if (this.#state !== 'answering') return
    const { raw } = this.#reply
    if (raw.chunkedEncoding) raw.addTrailers(grouped(endToEnd(this.#hop, trailers)))
    raw.end()
    this.#complete()
  }

  #complete(): void {
    this.#become('over')
    clearTimeout(this.#stalled)
    this.#body?.destroy()
    this.#awaited?.resolve()
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (this.#state === 'answering') this.#request.log.error({ err: error }, 'the upstream broke off in mid-body')
    this.fail(error)
    this.breakOff(error)
  }

  onRequestUpgrade(_controller: Controller, status: number, fields: AnswerFields, upstream: Duplex): void {
    if (this.#state !== 'waiting') {
      upstream.destroy()
      return
    }
    this.#become('over')
    this.#reply.hijack()
    tunnel(this.#reply.raw, status, this.#head(status, fields), upstream)
    this.#awaited?.resolve()
  }

  #head(status: number, fields: AnswerFields): string[] {
    return answerHead(this.#hop, this.#request, this.#exchange, status, fields, performance.now() - this.#started)
  }

  /** 102 and 103; HTTP/1.0 has no interim answers (RFC 9110, 15.2). */
  #inform(status: number, fields: AnswerFields): void {
    const { raw } = this.#reply
    if (this.#request.raw.httpVersionMinor < 1) return
    if (status === 102) raw.writeProcessing()
    if (status === 103) {
      try {
        raw.writeEarlyHints(grouped(endToEnd(this.#hop, fields)))
      } catch (err) {
        this.#request.log.debug({ err }, 'early hints that Node does not take')
      }
    }
  }
}

// Its timer takes this with the answer as argument, so that a request needs no closure for it.
const clientStalled = (answer: Answer) => answer.breakOff(new errors.RequestAbortedError('The client takes nothing'))

/**
 * Answers that began in this turn of the event loop. A head goes out with the body's first bytes where both came
 * together, else at the turn's end; one look for all costs a request less than a tick of its own.
 */
const headsOnly: Answer[] = []

function flushHeads(): void {
  for (const answer of headsOnly.splice(0)) answer.flushHead()
}

/** The values of each field: one sent twice stays two lines. */
function grouped(head: readonly string[]): Record<string, string[]> {
  // No prototype: a field may be called `constructor`.
  const fields = Object.create(null) as Record<string, string[]>
  for (let i = 0; i < head.length; i += 2) {
    const name = head[i] as string
    fields[name] ??= []
    fields[name].push(head[i + 1] as string)
  }
  return fields
}
