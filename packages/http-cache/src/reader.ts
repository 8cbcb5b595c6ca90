/** One reader's way to an answer: L1 at once, else the shared cache, else the origin, alone or for all who wait. */
import { ageOf, type Entry, type Reading } from '@spillway/cache-client'
import { type Exchange, type ProxyErrorType, UpstreamError } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { type Demands, demandsOf, onlyIfCached, UNDEMANDING, usable } from './demands.ts'
import { refreshesEarly } from './early-refresh.ts'
import { FillFailed, OnlyIfCached } from './errors.ts'
import type { AnswerHeaders } from './fields.ts'
import { type Begun, type EntryHead, OriginFill } from './fill.ts'
import { primaryKey, urlOf, variantKey } from './key.ts'
import { passBy } from './pass.ts'
import type { RunningAnswer } from './running-answer.ts'
import { clientHeaders } from './storable.ts'
import { deliverRunning, deliverStored, storedFields } from './stored.ts'

/** Milliseconds: what a timer can keep at most. */
const LONGEST_WAIT = 2 ** 31 - 1
/** Where these come, a stale answer will do (RFC 5861, 4). */
const OUT_OF_ORDER = new Set([500, 502, 503, 504])

type Failed = Extract<Reading, { outcome: 'failed' }>

/** Answers a GET or HEAD whose exchange has a scope. */
export class Reader {
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #demands: Demands
  readonly #startedAt = performance.now()
  readonly #url: string
  readonly #primary: string
  /** What answers here vary by, once a mark has said so. */
  #variedBy: readonly string[] | undefined
  /** What is stored, but not as this reader may have it. */
  #found: Entry | undefined
  #fill: OriginFill | undefined
  readonly #leaving = new AbortController()

  constructor(call: Call, exchange: Exchange & { scope: string }) {
    this.#call = call
    this.#exchange = exchange
    this.#demands = call.settings.clientDirectives === 'honour' ? demandsOf(call.options.headers) : UNDEMANDING
    this.#url = urlOf(call.options)
    this.#primary = primaryKey(this.#url, exchange.scope)
  }

  /** A hit in L1 is delivered before this returns. */
  start(): void {
    if (this.#demands.unstored) {
      this.#pass('request')
      return
    }
    const entry = this.#peek()
    const use = entry && usable(entry, this.#demands, performance.now())
    if (entry && use) {
      this.#hit(entry, 'l1', use === 'stale')
    } else if (onlyIfCached(this.#call.options.headers)) {
      this.#call.delivery.fail(new OnlyIfCached())
    } else {
      this.#found = entry
      void this.#ask()
    }
  }

  #peek(): Entry | undefined {
    const entry = this.#call.cache.peek(this.#primary)
    if (!entry || entry.vary.length === 0) return entry
    this.#variedBy = entry.vary
    return this.#call.cache.peek(this.#key())
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
      if (!(error instanceof UpstreamError && this.#insteadOf(error.statusCode, this.#found))) {
        this.#call.delivery.fail(error as Error)
      }
    } finally {
      clearTimeout(timer)
      this.#fill?.release()
    }
  }

  /**
   * More than once where the first came upon a mark of what answers vary by, unless this reader's own fill made it, or
   * upon what this reader cannot use.
   */
  async #read(signal: AbortSignal): Promise<Reading> {
    const reading = await this.#readKey(signal)
    const mark = 'entry' in reading ? reading.entry?.vary : undefined
    if (mark?.length && !this.#variedBy && !this.#leads(reading)) {
      this.#variedBy = mark
      return this.#read(signal)
    }
    if (!('tier' in reading) || this.#found === reading.entry || this.#suits(reading.entry)) return reading
    this.#found = reading.entry
    return this.#readKey(signal)
  }

  #readKey(signal: AbortSignal): Promise<Reading> {
    // What others use as it is has to be asked for anew; what nobody may use any more is not what is found first.
    const held = this.#found && usable(this.#found, UNDEMANDING, performance.now()) ? this.#found : undefined
    const fill = (unwanted: AbortSignal, stale?: Entry) => {
      this.#fill?.release()
      this.#fill = this.#createFill()
      return this.#fill.run(unwanted, stale)
    }
    return this.#call.cache.read(this.#key(), this.#url, fill, signal, held)
  }

  #createFill(): OriginFill {
    const target = { url: this.#url, key: this.#key(), primary: this.#primary, variedBy: this.#variedBy }
    return new OriginFill(this.#call, target)
  }

  #suits(entry: Entry): boolean {
    return usable(entry, this.#demands, performance.now()) !== undefined
  }

  /** Whether this reader's own fill made the reading: then its answer is delivered live. */
  #leads(reading: Reading): boolean {
    if (reading.outcome === 'uncacheable') return true
    return this.#fill !== undefined && 'collapsed' in reading && !reading.collapsed
  }

  async #settle(reading: Reading): Promise<void> {
    if (reading.outcome === 'failed' && this.#insteadOf(reading.status, reading.stale)) return
    const became = `${isStored(reading) ? '; stored' : ''}${isCollapsed(reading) ? '; collapsed' : ''}`
    // Whoever fills here is an OriginFill.
    const begun = reading.outcome === 'begun' ? (reading.answer as Begun) : undefined
    if (this.#fill && this.#leads(reading)) {
      await this.#lead(this.#fill, became, begun?.entry)
    } else if (begun) {
      await this.#follow(begun, `${this.#forwarded()}${became}`)
    } else if ('tier' in reading && this.#suits(reading.entry)) {
      this.#hit(reading.entry, reading.tier, false)
    } else if (reading.outcome === 'filled') {
      this.#deliver(reading.entry, `${this.#forwarded()}${became}`)
    } else if (reading.outcome === 'failed') {
      this.#fail(reading, `${this.#forwarded()}${became}`)
    } else {
      this.#pass('tier' in reading ? 'request' : 'bypass')
    }
  }

  /** Why somebody else was asked (RFC 9211, 2.2), and what he said to that (2.3), where it tells something. */
  #forwarded(status?: number): string {
    const stale = this.#fill?.stale ?? this.#found
    if (!stale) return this.#variedBy ? 'fwd=vary-miss' : 'fwd=uri-miss'
    const reason = ageOf(stale, this.#startedAt) < stale.windows.fresh ? 'request' : 'stale'
    return status === undefined ? `fwd=${reason}` : `fwd=${reason}; fwd-status=${status}`
  }

  async #lead(fill: OriginFill, became: string, entry: EntryHead | undefined): Promise<void> {
    const { endpoint, error, timings } = fill.exchange
    const { answer, freshened } = fill
    this.#exchange.timings.push(...timings)
    if (endpoint !== undefined) this.#exchange.endpoint = endpoint
    if (error !== undefined) this.#exchange.error = error
    if (freshened) {
      this.#deliver(freshened, `${this.#forwarded(304)}${became}`, fill.startedAt)
      return
    }
    this.#tell(`${this.#forwarded(answer?.head.status)}${became}`, fill.startedAt)
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

  /** Whether a stale answer was delivered instead of an error with this status. */
  #insteadOf(status: number, stale: Entry | undefined): boolean {
    if (!stale || !OUT_OF_ORDER.has(status) || ageOf(stale, performance.now()) >= stale.windows.ifError) return false
    this.#deliver(stale, `${this.#forwarded(this.#fill?.answer?.head.status)}; ttl=${ttlOf(stale)}`)
    return true
  }

  #fail({ entry, status, error }: Failed, cacheStatus: string): void {
    if (entry) {
      this.#deliver(entry, cacheStatus)
    } else {
      this.#tell(cacheStatus)
      // What a fill found, here or at another gateway, as it told it through the cache.
      this.#exchange.error = error as ProxyErrorType
      this.#call.delivery.fail(new FillFailed(status, error as ProxyErrorType))
    }
  }

  #pass(reason: 'request' | 'bypass'): void {
    this.#tell(`fwd=${reason}`)
    passBy(this.#call)
  }

  /** Out of the cache; what is stale, or nearly, is asked for anew meanwhile. */
  #hit(entry: Entry, tier: 'l1' | 'l2', stale: boolean): void {
    this.#deliver(entry, `hit; ttl=${ttlOf(entry)}; detail=${tier}`)
    const { earlyRefresh, random } = this.#call.settings
    const age = ageOf(entry, performance.now())
    if (stale || refreshesEarly(entry, age, earlyRefresh, random)) this.#refresh(entry)
  }

  #refresh(entry: Entry): void {
    const fill = (unwanted: AbortSignal, stale?: Entry) => {
      const background = this.#createFill()
      background.release()
      return background.run(unwanted, stale)
    }
    this.#call.cache.refresh(this.#key(), this.#url, fill, entry)
  }

  #deliver(entry: Entry, cacheStatus: string, until?: number): void {
    this.#tell(cacheStatus, until)
    deliverStored(entry, Math.floor(ageOf(entry, performance.now()) / 1000), this.#call)
  }

  /** For `forward`: what the cache did, and how long it looked before somebody else was asked. */
  #tell(cacheStatus: string, until = performance.now()): void {
    this.#exchange.cacheStatus = cacheStatus
    this.#exchange.timings.push({ name: 'cache', ms: until - this.#startedAt })
  }
}

/** Shared another reader's fill. */
function isCollapsed(reading: Reading): boolean {
  return 'collapsed' in reading && reading.collapsed
}

/** Or on its way to be. Where it is a mark that was stored, the answer is not. */
function isStored(reading: Reading): boolean {
  if (reading.outcome === 'begun') return reading.storing
  return reading.outcome === 'filled' && reading.stored && reading.entry.vary.length === 0
}

/** Seconds; negative once it is stale (RFC 9211, 2.5). */
function ttlOf(entry: Entry): number {
  return Math.floor((entry.windows.fresh - ageOf(entry, performance.now())) / 1000)
}
