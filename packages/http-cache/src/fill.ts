/** One request to the origin on behalf of all who wait for its answer; who leads it may have the live answer. */
import { type Entry, type Filling, freshOnly, type Windows } from '@spillway/cache-client'
import { createExchange, type Exchange, exchangeOf, proxyError, statusOf, UpstreamError } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { withoutFields } from './fields.ts'
import { type Head, LiveAnswer } from './live-answer.ts'
import { judge, MAX_BODY, storedHeaders, tagsOf, type Verdict } from './storable.ts'

/** Milliseconds until the answer is here whole or, where it may not be shared, its head. */
const DEADLINE = 15_000
/** Milliseconds. A mark of what answers vary by outlives them: otherwise each expiry would cost two requests. */
const MARK_LIFETIME = 3_600_000
/** What one reader wants for himself only: the others need the whole answer, and his time is not theirs. */
const PERSONAL = new Set(['if-none-match', 'if-modified-since', 'if-range', 'range', 'x-timeout-ms'])

interface Target {
  readonly url: string
  readonly key: string
  /** Where `key` is that of a variant: the fields whose values it holds. */
  readonly variedBy: readonly string[] | undefined
}

type Kept = Exclude<Verdict, { kind: 'refuse' }>

export class OriginFill {
  readonly startedAt = performance.now()
  /** Its own, since nobody's deadline is that of all; who leads shows what it found. */
  readonly exchange: Exchange
  readonly live: LiveAnswer
  /** Why there is no answer. */
  error: Error | undefined
  /** The answer varies by fields that its key knows nothing of. */
  outgrown = false
  readonly #call: Call
  readonly #target: Target
  readonly #filling = Promise.withResolvers<Filling>()
  #verdict: Kept | undefined
  #respondedAt = 0
  #settled = false
  #released = false

  /** `call` is that of the reader who leads. */
  constructor(call: Call, target: Target) {
    const hashKey = exchangeOf(call.options)?.hashKey
    this.#call = call
    this.#target = target
    this.exchange = createExchange({ deadlineAt: this.startedAt + DEADLINE, ...(hashKey ? { hashKey } : {}) })
    this.live = new LiveAnswer(call.delivery, {
      head: (head) => this.#judge(head),
      data: (size) => size > MAX_BODY && this.#hand(this.#verdict),
      end: () => this.#complete(),
      error: (error) => this.#fail(error),
    })
  }

  /** Once. Resolves when the answer is here whole, or is known to be for its leader only; never rejects. */
  async run(signal: AbortSignal): Promise<Filling> {
    const late = () => this.#cancel(new UpstreamError('http_response_timeout', { sent: true }))
    const timer = setTimeout(late, DEADLINE)
    const leave = () => this.#cancel(signal.reason as Error)
    signal.addEventListener('abort', leave)
    const { dispatch, options } = this.#call
    const headers = [...withoutFields(options.headers, PERSONAL), 'x-timeout-ms', String(DEADLINE)]
    const asked = { ...options, method: 'GET', headers, exchange: this.exchange }
    try {
      dispatch(asked, this.live)
    } catch (error) {
      this.#fail(error as Error)
    }
    try {
      return await this.#filling.promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
    }
  }

  /** Its leader is served otherwise or gone: whatever would be only his is cancelled, now or when that turns out. */
  release(): void {
    this.#released = true
    if (this.#settled) this.live.abort(new Error('the reader has left'))
  }

  #judge(head: Head): void {
    this.#respondedAt = performance.now()
    const verdict = judge(head, this.#call.options.headers, {
      requestAt: this.startedAt,
      responseAt: this.#respondedAt,
      responseDate: Date.now(),
    })
    const { variedBy } = this.#target
    const vary = verdict.kind === 'store' ? verdict.vary : []
    this.outgrown = variedBy !== undefined && !vary.every((name) => variedBy.includes(name))
    if (verdict.kind === 'refuse' || this.outgrown) this.#hand(undefined)
    else if (vary.length > 0 && variedBy === undefined) this.#hand(undefined, this.#mark(vary))
    else if (verdict.kind === 'failure' && !verdict.whole) this.#hand(verdict)
    else this.#verdict = verdict
  }

  /** Leaves the answer, as far as it has come, to the leader alone; the others get the mark, the failure, or nothing. */
  #hand(verdict: Kept | undefined, mark?: Entry): void {
    this.live.hold()
    if (mark) this.#settle({ outcome: 'cacheable', entry: mark })
    else if (verdict?.kind === 'failure') this.#settle(this.#failure())
    else this.#settle({ outcome: 'uncacheable' })
    if (this.#released) this.release()
  }

  #complete(): void {
    if (this.#verdict?.kind === 'store') this.#settle({ outcome: 'cacheable', entry: this.#entry(this.#verdict) })
    else if (this.#verdict)
      this.#settle({ ...this.#failure(), entry: this.#entry({ windows: freshOnly(0), ageMs: 0 }) })
  }

  #cancel(reason: Error): void {
    if (this.#settled) return
    this.#fail(reason)
    this.live.abort(reason)
  }

  #fail(error: Error): void {
    if (this.#settled) return
    const type = this.exchange.error ?? proxyError(error)
    this.exchange.error = type
    this.error = error
    this.#settle({ outcome: 'failed', status: statusOf(type), error: type })
  }

  /** A 5xx: to those who did not see it, the origin is out of order. */
  #failure(): Extract<Filling, { outcome: 'failed' }> {
    return { outcome: 'failed', status: this.live.head?.status ?? 502, error: 'destination_unavailable' }
  }

  #settle(filling: Filling): void {
    this.#settled = true
    this.#filling.resolve(filling)
  }

  #entry({ windows, ageMs }: { windows: Windows; ageMs: number }): Entry {
    const { key, url } = this.#target
    const head = this.live.head as Head
    const body = this.live.body()
    const headers = storedHeaders(head, body, Date.now())
    const tags = tagsOf(url, head.headers)
    const fillMs = performance.now() - this.startedAt
    return { key, status: head.status, headers, body, ageMs, at: this.#respondedAt, windows, fillMs, tags, vary: [] }
  }

  /** No answer, so no purge of one has to reach it: it carries no tags, and is as right after a write as before. */
  #mark(vary: readonly string[]): Entry {
    const { key } = this.#target
    const nothing = { status: 200, headers: [], body: Buffer.alloc(0), fillMs: 0, tags: [] }
    return { key, ...nothing, ageMs: 0, at: this.#respondedAt, windows: freshOnly(MARK_LIFETIME), vary }
  }
}
