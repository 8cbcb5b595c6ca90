/** One reader's way to an answer: L1 at once, else the shared cache, else the origin, alone or for all who wait. */
import { ageOf, type Entry, type Reading } from '@spillway/cache-client'
import { type Exchange, type ProxyErrorType, UpstreamError } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { onlyIfCached } from './directives.ts'
import { FillFailed, OnlyIfCached } from './errors.ts'
import { type AnswerHeaders, requestField } from './fields.ts'
import { type Begun, type EntryHead, OriginFill } from './fill.ts'
import { primaryKey, urlOf, variantKey } from './key.ts'
import { passBy } from './pass.ts'
import type { RunningAnswer } from './running-answer.ts'
import { clientHeaders } from './storable.ts'
import { deliverRunning, deliverStored, storedFields } from './stored.ts'

/** Milliseconds: what a timer can keep at most. */
const LONGEST_WAIT = 2 ** 31 - 1

/** Answers a GET or HEAD whose exchange has a scope. */
export class Reader {
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #startedAt = performance.now()
  readonly #url: string
  readonly #primary: string
  /** What answers here vary by, once a mark has said so. */
  #variedBy: readonly string[] | undefined
  #fill: OriginFill | undefined
  readonly #leaving = new AbortController()

  constructor(call: Call, exchange: Exchange & { scope: string }) {
    this.#call = call
    this.#exchange = exchange
    this.#url = urlOf(call.options)
    this.#primary = primaryKey(this.#url, exchange.scope)
  }

  /** A hit in L1 is delivered before this returns. */
  start(): void {
    const entry = this.#peek()
    if (entry) {
      this.#deliver(entry, 'hit', 'l1')
    } else if (onlyIfCached(requestField(this.#call.options.headers, 'cache-control'))) {
      this.#call.delivery.fail(new OnlyIfCached())
    } else {
      void this.#ask()
    }
  }

  #peek(): Entry | undefined {
    const entry = this.#peekKey()
    if (!entry || entry.vary.length === 0) return entry
    this.#variedBy = entry.vary
    return this.#peekKey()
  }

  #peekKey(): Entry | undefined {
    const entry = this.#call.cache.peek(this.#key())
    return entry && ageOf(entry, performance.now()) < entry.windows.fresh ? entry : undefined
  }

  #key(): string {
    return this.#variedBy ? variantKey(this.#primary, this.#variedBy, this.#call.options.headers) : this.#primary
  }

  async #ask(): Promise<void> {
    const leaving = this.#leaving
    this.#call.delivery.follow({ abort: (reason) => leaving.abort(reason), pause() {}, resume() {} })
    const late = () => leaving.abort(new UpstreamError('http_response_timeout', { sent: true }))
    const { deadlineAt = Infinity } = this.#exchange
    const timer = setTimeout(late, Math.min(deadlineAt - performance.now(), LONGEST_WAIT))
    try {
      await this.#settle(await this.#read(leaving.signal))
    } catch (error) {
      if (error instanceof UpstreamError) this.#exchange.error = error.type
      this.#call.delivery.fail(error as Error)
    } finally {
      clearTimeout(timer)
      this.#fill?.release()
    }
  }

  /** Twice where the first came upon a mark of what answers vary by, unless this reader's own fill made it. */
  async #read(signal: AbortSignal): Promise<Reading> {
    const reading = await this.#readKey(signal)
    const mark = 'entry' in reading ? reading.entry?.vary : undefined
    if (!mark?.length || this.#variedBy || this.#leads(reading)) return reading
    this.#variedBy = mark
    return this.#readKey(signal)
  }

  #readKey(signal: AbortSignal): Promise<Reading> {
    const key = this.#key()
    const fill = (unwanted: AbortSignal) => {
      this.#fill?.release()
      this.#fill = new OriginFill(this.#call, { url: this.#url, key, variedBy: this.#variedBy })
      return this.#fill.run(unwanted)
    }
    return this.#call.cache.read(key, this.#url, fill, signal)
  }

  /** Whether this reader's own fill made the reading: then its answer is delivered live. */
  #leads(reading: Reading): boolean {
    if (reading.outcome === 'uncacheable') return true
    return this.#fill !== undefined && 'collapsed' in reading && !reading.collapsed
  }

  async #settle(reading: Reading): Promise<void> {
    const fwd = this.#variedBy ? 'fwd=vary-miss' : 'fwd=uri-miss'
    const collapsed = 'collapsed' in reading && reading.collapsed ? '; collapsed' : ''
    const stored = isStored(reading) ? '; stored' : ''
    // Whoever fills here is an OriginFill.
    const begun = reading.outcome === 'begun' ? (reading.answer as Begun) : undefined
    if (this.#fill && this.#leads(reading)) {
      await this.#lead(this.#fill, `${fwd}${stored}`, begun?.entry)
    } else if (begun) {
      await this.#follow(begun, `${fwd}${stored}${collapsed}`)
    } else if (reading.outcome === 'hit' || reading.outcome === 'stale') {
      this.#deliver(reading.entry, 'hit', reading.tier)
    } else if (reading.outcome === 'filled') {
      this.#deliver(reading.entry, `${fwd}${stored}${collapsed}`)
    } else if (reading.outcome === 'failed') {
      this.#fail(reading, `${fwd}${collapsed}`)
    } else {
      this.#tell('fwd=bypass')
      passBy(this.#call)
    }
  }

  async #lead(fill: OriginFill, status: string, entry: EntryHead | undefined): Promise<void> {
    const { endpoint, error, timings } = fill.exchange
    this.#tell(status, fill.startedAt)
    this.#exchange.timings.push(...timings)
    if (endpoint !== undefined) this.#exchange.endpoint = endpoint
    if (error !== undefined) this.#exchange.error = error
    // The mark is out of date; the next reader makes a new one. Where this fails, that waits until the mark expires.
    if (fill.outgrown) this.#call.cache.purge({ keys: [this.#primary] }).catch(() => {})
    const { answer } = fill
    if (fill.error || !answer) throw fill.error ?? new Error('the fill ended without an answer')
    const headers = clientHeaders(answer.head.headers)
    if (entry?.status === 200) headers['accept-ranges'] = 'bytes'
    await this.#join(answer, entry, { headers, trailers: true })
  }

  /** As he would get it once it is stored. */
  async #follow({ answer, entry }: Begun, status: string): Promise<void> {
    this.#tell(status)
    const age = Math.floor(ageOf(entry, performance.now()) / 1000)
    await this.#join(answer, entry, { headers: storedFields(entry, age, answer.length), trailers: false })
  }

  /** From its first byte on, as it comes; a part that can be told only of the whole, once that is here. */
  async #join(
    answer: RunningAnswer,
    entry: EntryHead | undefined,
    { headers, trailers }: { headers: AnswerHeaders; trailers: boolean },
  ): Promise<void> {
    const { delivery } = this.#call
    if (answer.error) throw answer.error
    const left = (reason: Error) => this.#leaving.abort(reason)
    const head = { ...answer.head, headers }
    if (answer.open && deliverRunning(answer, head, this.#call, { trailers, left })) return
    this.#leaving.signal.addEventListener('abort', () => delivery.fail(this.#leaving.signal.reason))
    const body = answer.open && entry ? await answer.body : undefined
    if (body && entry) deliverStored({ ...entry, body }, Math.floor(ageOf(entry, performance.now()) / 1000), this.#call)
    else passBy(this.#call)
  }

  #fail({ entry, status, error }: Extract<Reading, { outcome: 'failed' }>, cacheStatus: string): void {
    if (entry) {
      this.#deliver(entry, cacheStatus)
    } else {
      this.#tell(cacheStatus)
      // What a fill found, here or at another gateway, as it told it through the cache.
      this.#exchange.error = error as ProxyErrorType
      this.#call.delivery.fail(new FillFailed(status, error as ProxyErrorType))
    }
  }

  #deliver(entry: Entry, cacheStatus: string, tier?: string): void {
    const age = ageOf(entry, performance.now())
    const ttl = Math.floor((entry.windows.fresh - age) / 1000)
    this.#tell(tier ? `${cacheStatus}; ttl=${ttl}; detail=${tier}` : cacheStatus)
    deliverStored(entry, Math.floor(age / 1000), this.#call)
  }

  /** For `forward`: what the cache did, and how long it looked before somebody else was asked. */
  #tell(cacheStatus: string, until = performance.now()): void {
    this.#exchange.cacheStatus = cacheStatus
    this.#exchange.timings.push({ name: 'cache', ms: until - this.#startedAt })
  }
}

/** Or on its way to be. Where it is a mark that was stored, the answer is not. */
function isStored(reading: Reading): boolean {
  if (reading.outcome === 'begun') return reading.storing
  return reading.outcome === 'filled' && reading.stored && reading.entry.vary.length === 0
}
