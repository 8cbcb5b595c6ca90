/** One reader's way to an answer: L1 at once, else the shared cache, else the origin, alone or for all who wait. */
import { ageOf, type Entry, type Reading } from '@spillway/cache-client'
import { type Exchange, type ProxyErrorType, UpstreamError } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { onlyIfCached } from './directives.ts'
import { FillFailed, OnlyIfCached } from './errors.ts'
import { requestField, sizeOf } from './fields.ts'
import { OriginFill } from './fill.ts'
import { primaryKey, urlOf, urlTag, variantKey } from './key.ts'
import { passBy } from './pass.ts'
import { deliverLive, deliverStored } from './stored.ts'
import { namedTarget } from './target.ts'

/** Milliseconds: what a timer can keep at most. */
const LONGEST_WAIT = 2 ** 31 - 1
/**
 * Bytes, half of what the strictest of the usual servers take. A longer head may be what an upstream fails at, and that
 * failure is for nobody but who sent it (CPDoS, "HTTP Header Oversize"): such a request never asks for others.
 */
const LONGEST_HEAD = 4096

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

  constructor(call: Call, exchange: Exchange & { scope: string }) {
    this.#call = call
    this.#exchange = exchange
    this.#url = urlOf(call.options)
    const target = namedTarget(call.options.headers, exchange.calledAt)
    this.#primary = primaryKey(this.#url, exchange.scope, target)
  }

  /** A hit in L1 is delivered before this returns. */
  start(): void {
    const entry = this.#peek()
    if (entry) {
      this.#deliver(entry, 'hit', 'l1')
    } else if (onlyIfCached(requestField(this.#call.options.headers, 'cache-control'))) {
      this.#call.delivery.fail(new OnlyIfCached())
    } else if (sizeOf(this.#call.options.headers) > LONGEST_HEAD) {
      this.#pass()
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
    const leaving = new AbortController()
    this.#call.delivery.follow({ abort: (reason) => leaving.abort(reason), pause() {}, resume() {} })
    const late = () => leaving.abort(new UpstreamError('http_response_timeout', { sent: true }))
    const { deadlineAt = Infinity } = this.#exchange
    const timer = setTimeout(late, Math.min(deadlineAt - performance.now(), LONGEST_WAIT))
    try {
      this.#settle(await this.#read(leaving.signal))
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
    const url = urlTag(this.#url)
    const fill = (unwanted: AbortSignal) => {
      this.#fill?.release()
      this.#fill = new OriginFill(this.#call, { url, key, variedBy: this.#variedBy })
      return this.#fill.run(unwanted)
    }
    return this.#call.cache.read(key, url, fill, signal)
  }

  /** Whether this reader's own fill made the reading: then its answer is delivered live. */
  #leads(reading: Reading): boolean {
    if (reading.outcome === 'uncacheable') return true
    return this.#fill !== undefined && 'collapsed' in reading && !reading.collapsed
  }

  #settle(reading: Reading): void {
    const fwd = this.#variedBy ? 'fwd=vary-miss' : 'fwd=uri-miss'
    const collapsed = 'collapsed' in reading && reading.collapsed ? '; collapsed' : ''
    // A mark was stored, not the answer.
    const stored = reading.outcome === 'filled' && reading.stored && !reading.entry.vary.length ? '; stored' : ''
    if (this.#fill && this.#leads(reading)) {
      this.#lead(this.#fill, `${fwd}${stored}`)
    } else if (reading.outcome === 'hit' || reading.outcome === 'stale') {
      this.#deliver(reading.entry, 'hit', reading.tier)
    } else if (reading.outcome === 'filled') {
      this.#deliver(reading.entry, `${fwd}${stored}${collapsed}`)
    } else if (reading.outcome === 'failed') {
      this.#fail(reading, `${fwd}${collapsed}`)
    } else {
      this.#pass()
    }
  }

  #pass(): void {
    this.#tell('fwd=bypass')
    passBy(this.#call)
  }

  #lead(fill: OriginFill, status: string): void {
    const { endpoint, error, timings } = fill.exchange
    this.#tell(status, fill.startedAt)
    this.#exchange.timings.push(...timings)
    if (endpoint !== undefined) this.#exchange.endpoint = endpoint
    if (error !== undefined) this.#exchange.error = error
    const { head } = fill.live
    if (fill.error || !head) this.#call.delivery.fail(fill.error ?? new Error('the fill ended without an answer'))
    else deliverLive(fill.live, head, this.#call)
    // The mark is out of date; the next reader makes a new one. Where this fails, that waits until the mark expires.
    if (fill.outgrown) this.#call.cache.purge({ keys: [this.#primary] }).catch(() => {})
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
