/** One reader's way to an answer: L1 at once, else the shared cache, else the origin, alone or for all who wait. */
import { ageOf, type Entry, isOutOfOrder, type Reading } from '@spillway/cache-client'
import { type Exchange, UpstreamError } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { type Demands, demandsOf, onlyIfCached, UNDEMANDING, usable } from './demands.ts'
import { refreshesEarly } from './early-refresh.ts'
import { OnlyIfCached } from './errors.ts'
import { sizeOf } from './fields.ts'
import { type Begun, type EntryHead, OriginFill } from './fill.ts'
import { primaryKey, urlOf, urlTag, variantKey } from './key.ts'
import { Reply } from './reply.ts'
import { namedTarget } from './target.ts'

/** Milliseconds: what a timer can keep at most. */
const LONGEST_WAIT = 2 ** 31 - 1
/**
 * Bytes, half of what the strictest of the usual servers take. A longer head may be what an upstream fails at, and that
 * failure is for nobody but who sent it (CPDoS, "HTTP Header Oversize"): such a request never asks for others.
 */
const LONGEST_HEAD = 4096
/** What the shared cache behind L1 is called in `Cache-Status`. */
const L2 = 'cache'

type Started = Extract<Reading, { outcome: 'begun' }>

/** Answers a GET or HEAD whose exchange has a scope. */
export class Reader {
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #reply: Reply
  readonly #demands: Demands
  readonly #startedAt = performance.now()
  readonly #url: string
  readonly #primary: string
  /** What answers here vary by, once a mark has said so. */
  #variedBy: readonly string[] | undefined
  /** What is stored, but not as this reader may have it. */
  #found: Entry | undefined
  #fill: OriginFill | undefined

  constructor(call: Call, exchange: Exchange & { scope: string }) {
    this.#call = call
    this.#exchange = exchange
    this.#reply = new Reply(call, exchange, this.#startedAt)
    this.#demands = call.settings.clientDirectives === 'honour' ? demandsOf(call.options.headers) : UNDEMANDING
    this.#url = urlOf(call.options)
    const target = namedTarget(call.options.headers, exchange.calledAt)
    const primary = primaryKey(this.#url, exchange.scope, target)
    const { headers } = call.settings
    this.#primary = headers.length > 0 ? variantKey(primary, headers, call.options.headers) : primary
  }

  /** A hit in L1 is delivered before this returns. */
  start(): void {
    if (this.#demands.unstored) {
      this.#reply.pass('fwd=request')
      return
    }
    const entry = this.#peek()
    const isFailing = () => this.#call.cache.isFailing(this.#key())
    const use = entry && usable(entry, this.#demands, this.#startedAt, isFailing)
    if (entry && use) {
      this.#hit(entry, 'l1', use === 'stale')
    } else if (onlyIfCached(this.#call.options.headers)) {
      this.#call.delivery.fail(new OnlyIfCached())
    } else if (sizeOf(this.#call.options.headers) > LONGEST_HEAD) {
      this.#reply.pass('fwd=bypass')
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
    const leaving = new AbortController()
    this.#call.delivery.follow({ abort: (reason) => leaving.abort(reason), pause() {}, resume() {} })
    const late = () => leaving.abort(new UpstreamError('http_response_timeout', { sent: true }))
    const { deadlineAt = Infinity } = this.#exchange
    const timer = setTimeout(late, Math.min(deadlineAt - performance.now(), LONGEST_WAIT))
    try {
      await this.#settle(await this.#read(leaving.signal), leaving)
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
    return this.#call.cache.read(this.#key(), urlTag(this.#url), fill, signal, held)
  }

  #createFill(): OriginFill {
    const target = { url: urlTag(this.#url), key: this.#key(), primary: this.#primary, variedBy: this.#variedBy }
    return new OriginFill(this.#call, target)
  }

  #suits(entry: EntryHead): boolean {
    return usable(entry, this.#demands, performance.now()) !== undefined
  }

  /** Whether this reader's own fill made the reading: then its answer is delivered live. */
  #leads(reading: Reading): boolean {
    if (reading.outcome === 'uncacheable') return true
    return this.#fill !== undefined && 'collapsed' in reading && !reading.collapsed
  }

  async #settle(reading: Reading, leaving: AbortController): Promise<void> {
    if (reading.outcome === 'failed' && this.#insteadOf(reading.status, reading.stale)) return
    if (this.#fill && this.#leads(reading)) {
      await this.#lead(this.#fill, reading, leaving)
    } else if (reading.outcome === 'begun') {
      await this.#follow(reading, leaving)
    } else if ('tier' in reading && this.#suits(reading.entry)) {
      this.#hit(reading.entry, reading.tier, false)
    } else if (reading.outcome === 'filled') {
      this.#reply.stored(reading.entry, this.#missed(reading))
    } else if (reading.outcome === 'failed') {
      this.#reply.failed(reading, this.#missed(reading))
    } else {
      this.#reply.pass('tier' in reading ? 'fwd=request' : 'fwd=bypass')
    }
  }

  /** Why somebody else was asked (RFC 9211, 2.2), and what he said to that (2.3), where it tells something. */
  #forwarded(status?: number): string {
    const stale = this.#fill?.stale ?? this.#found
    if (!stale) return this.#variedBy ? 'fwd=vary-miss' : 'fwd=uri-miss'
    const reason = ageOf(stale, this.#startedAt) < stale.windows.fresh ? 'request' : 'stale'
    return status === undefined ? `fwd=${reason}` : `fwd=${reason}; fwd-status=${status}`
  }

  /** And what became of the answer, and whether another's fill brought it (RFC 9211, 2.4, 2.6). */
  #missed(reading: Reading, status?: number): string {
    const collapsed = 'collapsed' in reading && reading.collapsed
    return `${this.#forwarded(status)}${isStored(reading) ? '; stored' : ''}${collapsed ? '; collapsed' : ''}`
  }

  async #lead(fill: OriginFill, reading: Reading, leaving: AbortController): Promise<void> {
    const status = fill.freshened ? 304 : fill.answer?.head.status
    const entry = reading.outcome === 'begun' ? begunBy(reading).entry : undefined
    await this.#reply.live(fill, this.#missed(reading, status), entry, leaving)
  }

  /** Whoever came after its head gets it if he might have it from the cache; who was here before shares it in any case. */
  async #follow(reading: Started, leaving: AbortController): Promise<void> {
    const begun = begunBy(reading)
    if (begun.entry.at < this.#startedAt && !this.#suits(begun.entry)) this.#reply.pass('fwd=bypass')
    else await this.#reply.shared(begun, this.#missed(reading), leaving)
  }

  /** Whether a stale answer was delivered instead of an error with this status. */
  #insteadOf(status: number, stale: Entry | undefined): boolean {
    if (!stale || !isOutOfOrder(status)) return false
    const age = ageOf(stale, performance.now())
    if (age >= stale.windows.ifError) return false
    this.#reply.stored(stale, `${this.#forwarded(this.#fill?.answer?.head.status)}; ttl=${ttlOf(stale, age)}`)
    return true
  }

  /** Out of the cache; what is stale, or nearly, is asked for anew meanwhile. */
  #hit(entry: Entry, tier: 'l1' | 'l2', stale: boolean): void {
    const age = ageOf(entry, performance.now())
    const hit = `hit; ttl=${ttlOf(entry, age)}`
    if (tier === 'l2') this.#exchange.cacheStatusBehind = `${L2}; ${hit}`
    this.#reply.stored(entry, tier === 'l2' ? `${this.#forwarded()}; detail=l2` : `${hit}; detail=l1`)
    const { earlyRefresh, random } = this.#call.settings
    if (stale || refreshesEarly(entry, age, earlyRefresh, random)) this.#refresh(entry)
  }

  #refresh(entry: Entry): void {
    const fill = (unwanted: AbortSignal, stale?: Entry) => {
      const background = this.#createFill()
      background.release()
      return background.run(unwanted, stale)
    }
    this.#call.cache.refresh(this.#key(), urlTag(this.#url), fill, entry)
  }
}

/** Whoever fills here is an OriginFill. */
function begunBy({ answer }: Started): Begun {
  return answer as Begun
}

/** Or on its way to be. Where it is a mark that was stored, the answer is not. */
function isStored(reading: Reading): boolean {
  if (reading.outcome === 'begun') return reading.storing
  return reading.outcome === 'filled' && reading.stored && reading.entry.vary.length === 0
}

/** Seconds; negative once it is stale (RFC 9211, 2.5). */
function ttlOf({ windows }: Entry, age: number): number {
  return Math.floor((windows.fresh - age) / 1000)
}
