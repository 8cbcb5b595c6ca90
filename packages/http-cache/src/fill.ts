/** One request to the origin on behalf of all who wait for its answer, which they get while it comes where it may be stored. */
import { type Entry, type Filled, type Filling, freshOnly } from '@spillway/cache-client'
import { createExchange, type Exchange, exchangeOf, proxyError, statusOf, UpstreamError } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { withoutFields } from './fields.ts'
import { type Exchanged, initialAge } from './freshness.ts'
import { type Head, LiveAnswer } from './live-answer.ts'
import { revalidate } from './revalidation.ts'
import { RunningAnswer } from './running-answer.ts'
import { judge, storedHeaders, tagsOf, type Verdict } from './storable.ts'

/** Milliseconds until the answer's head is here and, where it is to be stored, all of it. */
const DEADLINE = 15_000
/** Milliseconds. A mark of what answers vary by outlives them: otherwise each expiry would cost two requests. */
const MARK_LIFETIME = 3_600_000
/** What one reader wants for himself only: the others need the whole answer, and his time is not theirs. */
const PERSONAL = new Set(['if-none-match', 'if-modified-since', 'if-range', 'range', 'x-timeout-ms'])

interface Target {
  readonly url: string
  readonly key: string
  /** `key` itself, or that of which it is a variant's. */
  readonly primary: string
  /** Where `key` is that of a variant: the fields whose values it holds. */
  readonly variedBy: readonly string[] | undefined
}

type Failure = Extract<Filling, { outcome: 'failed' }>
type Kept = Pick<Extract<Verdict, { kind: 'store' }>, 'windows' | 'ageMs'>

const NOT_KEPT: Kept = { windows: freshOnly(0), ageMs: 0 }

/** All of an entry but what only the end of its body tells. */
export type EntryHead = Omit<Entry, 'body' | 'fillMs'>

/** What readers at this gateway may have while its body comes. */
export interface Begun {
  readonly answer: RunningAnswer
  readonly entry: EntryHead
}

export class OriginFill {
  readonly startedAt = performance.now()
  /** Its own, since nobody's deadline is that of all; who leads shows what it found. */
  readonly exchange: Exchange
  /** Once its head is here. */
  answer: RunningAnswer | undefined
  /** Why there is no answer, or only a part of one. */
  error: Error | undefined
  /** What was to be revalidated. */
  stale: Entry | undefined
  /** The same, freshened by a 304: the answer, whether or not it may be stored. */
  freshened: Entry | undefined
  readonly #call: Call
  readonly #target: Target
  readonly #live: LiveAnswer
  readonly #filling = Promise.withResolvers<Filling>()
  /** What may be shown to others of it. */
  #entry: EntryHead | undefined
  /** Of what it has begun. */
  #whole: PromiseWithResolvers<Filled> | undefined
  #deadline: NodeJS.Timeout | undefined
  #settled = false
  #released = false

  /** `call` is that of the reader who leads. */
  constructor(call: Call, target: Target) {
    const hashKey = exchangeOf(call.options)?.hashKey
    this.#call = call
    this.#target = target
    this.exchange = createExchange({ deadlineAt: this.startedAt + DEADLINE, ...(hashKey ? { hashKey } : {}) })
    this.#live = new LiveAnswer(call.delivery, {
      head: (head) => this.#judge(head),
      error: (error) => this.#fail(error),
    })
  }

  /**
   * Once. Resolves when it is known who may have the answer, or that there is none; never rejects. `stale`: asked for on
   * condition that it has changed, where it can be.
   */
  run(signal: AbortSignal, stale?: Entry): Promise<Filling> {
    this.stale = stale
    this.#deadline = setTimeout(() => this.#late(), DEADLINE)
    signal.addEventListener('abort', () => this.#cancel(signal.reason as Error), { once: true })
    const { dispatch, options } = this.#call
    const headers = [...withoutFields(options.headers, PERSONAL), 'x-timeout-ms', String(DEADLINE)]
    const asked = { ...options, method: 'GET', headers, exchange: this.exchange }
    try {
      revalidate(dispatch, asked, stale, this.#live, (head) => this.#freshen(head))
    } catch (error) {
      this.#fail(error as Error)
    }
    return this.#filling.promise
  }

  /** Its leader has joined the answer, is served otherwise or gone: what would be only his is cancelled, now or later. */
  release(): void {
    this.#released = true
    this.answer?.release()
  }

  #judge(head: Head): void {
    const respondedAt = performance.now()
    const { verdict, mark } = this.#assess(head, respondedAt)
    const answer = this.#open(head)
    if (verdict.kind === 'refuse') this.#hand(answer, mark ?? { outcome: 'uncacheable' })
    else if (verdict.kind === 'store') this.#begin(answer, this.#entryHead(head, verdict, respondedAt))
    else if (verdict.whole) this.#entry = this.#entryHead(head, NOT_KEPT, respondedAt)
    else this.#hand(answer, failure(head))
    this.#live.take(answer)
  }

  /** A 304 came: what was stored, under the fields that it has now, is the answer. */
  #freshen(head: Head): void {
    const respondedAt = performance.now()
    const { verdict, mark } = this.#assess(head, respondedAt)
    const kept =
      verdict.kind === 'store' ? verdict : { ...NOT_KEPT, ageMs: initialAge(head.headers, this.#times(respondedAt)) }
    const { body } = this.stale as Entry
    const entry = { ...this.#entryHead(head, kept, respondedAt), body, fillMs: respondedAt - this.startedAt }
    // A cookie that came with it is its leader's.
    const cookies = [head.headers['set-cookie'] ?? []].flat()
    this.freshened = {
      ...entry,
      headers: [...entry.headers, ...cookies.map((cookie) => ['set-cookie', cookie] as const)],
    }
    if (verdict.kind === 'store') this.#settle({ outcome: 'cacheable', entry })
    else this.#settle(mark ?? { outcome: 'uncacheable' })
  }

  /** What to do with an answer; one that varies by fields which the key knows nothing of leaves at most a mark. */
  #assess(head: Head, responseAt: number): { verdict: Verdict; mark?: Filled } {
    const { options, settings, cache } = this.#call
    const verdict = judge(head, options.headers, this.#times(responseAt), settings)
    const { variedBy, primary } = this.#target
    if (verdict.kind !== 'store' || verdict.vary.every((name) => variedBy?.includes(name))) return { verdict }
    if (!variedBy) return { verdict: { kind: 'refuse' }, mark: this.#mark(verdict.vary, responseAt) }
    // The mark is out of date; the next reader makes a new one. Where this fails, that waits until the mark expires.
    cache.purge({ keys: [primary] }).catch(() => {})
    return { verdict: { kind: 'refuse' } }
  }

  #times(responseAt: number): Exchanged {
    return { requestAt: this.startedAt, responseAt, responseDate: Date.now() }
  }

  #open(head: Head): RunningAnswer {
    this.answer = new RunningAnswer(head, this.#call.settings.maxBodyBytes, {
      whole: (body) => this.#complete(body),
      outgrown: () => this.#settle(this.#whole ? { outcome: 'uncacheable' } : failure(head)),
      broken: (error) => this.#fail(error),
    })
    if (this.#released) this.answer.release()
    return this.answer
  }

  /** Leaves the answer to the leader alone; the others get the mark, the failure, or nothing. */
  #hand(answer: RunningAnswer, filled: Filled): void {
    answer.pass()
    this.#settle(filled)
  }

  #begin(answer: RunningAnswer, entry: EntryHead): void {
    this.#entry = entry
    this.#whole = Promise.withResolvers<Filled>()
    const begun: Begun = { answer, entry }
    this.#filling.resolve({ outcome: 'begun', answer: begun, tags: entry.tags, whole: this.#whole.promise })
  }

  #complete(body: Buffer): void {
    const entry = { ...(this.#entry as EntryHead), body, fillMs: performance.now() - this.startedAt }
    this.#settle(this.#whole ? { outcome: 'cacheable', entry } : { ...failure(entry), entry })
  }

  /** Those who read what has begun go on; it is not stored, and nobody else waits for it any longer. */
  #late(): void {
    const error = new UpstreamError('http_response_timeout', { sent: true })
    if (!this.#whole) {
      this.#cancel(error)
      return
    }
    this.#settle({ outcome: 'failed', status: statusOf(error.type), error: error.type })
    this.answer?.pass()
  }

  #cancel(reason: Error): void {
    if (this.#settled) return
    this.#fail(reason)
    this.answer?.cancel(reason)
    this.#live.abort(reason)
  }

  #fail(error: Error): void {
    if (this.#settled) return
    const type = this.exchange.error ?? proxyError(error)
    this.exchange.error = type
    this.error = error
    this.#settle({ outcome: 'failed', status: statusOf(type), error: type })
  }

  #settle(filled: Filled): void {
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#deadline)
    const { resolve } = this.#whole ?? this.#filling
    resolve(filled)
  }

  #entryHead(head: Head, { windows, ageMs }: Kept, at: number): EntryHead {
    const { key, url } = this.#target
    const { status } = head
    const tags = tagsOf(url, head.headers)
    return { key, status, headers: storedHeaders(head, Date.now()), ageMs, at, windows, tags, vary: [] }
  }

  /** No answer, so no purge of one has to reach it: it carries no tags, and is as right after a write as before. */
  #mark(vary: readonly string[], at: number): Filled {
    const { key } = this.#target
    const nothing = { status: 200, headers: [], body: Buffer.alloc(0), fillMs: 0, tags: [] }
    return { outcome: 'cacheable', entry: { key, ...nothing, ageMs: 0, at, windows: freshOnly(MARK_LIFETIME), vary } }
  }
}

/** A 5xx: to those who did not see it, the origin is out of order. */
function failure({ status }: { readonly status: number }): Failure {
  return { outcome: 'failed', status, error: 'destination_unavailable' }
}
