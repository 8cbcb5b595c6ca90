/** How one reader is answered, and what `forward` is told of that. */
import { ageOf, type Entry, type Reading } from '@spillway/cache-client'
import type { Exchange, ProxyErrorType } from '@spillway/upstreams'
import type { Call } from './call.ts'
import { FillFailed } from './errors.ts'
import type { AnswerHeaders } from './fields.ts'
import type { Begun, EntryHead, OriginFill } from './fill.ts'
import { passBy } from './pass.ts'
import type { RunningAnswer } from './running-answer.ts'
import { clientHeaders } from './storable.ts'
import { deliverRunning, deliverStored, storedFields } from './stored.ts'

type Failed = Extract<Reading, { outcome: 'failed' }>

export class Reply {
  readonly #call: Call
  readonly #exchange: Exchange
  readonly #startedAt: number

  /** `startedAt`: when the cache began to look. */
  constructor(call: Call, exchange: Exchange, startedAt: number) {
    this.#call = call
    this.#exchange = exchange
    this.#startedAt = startedAt
  }

  /** What is stored. `until`: when somebody else was asked. */
  stored(entry: Entry, cacheStatus: string, until?: number): void {
    const now = performance.now()
    this.#tell(cacheStatus, until ?? now)
    deliverStored(entry, secondsOf(entry, now), this.#call)
  }

  /** What the fill brings that this reader leads, as it comes; `entry`: where it may be stored. Aborts `leaving` with him. */
  async live(
    { answer, error, exchange, freshened, startedAt }: OriginFill,
    cacheStatus: string,
    entry: EntryHead | undefined,
    leaving: AbortController,
  ): Promise<void> {
    this.#exchange.timings.push(...exchange.timings)
    if (exchange.endpoint !== undefined) this.#exchange.endpoint = exchange.endpoint
    if (exchange.error !== undefined) this.#exchange.error = exchange.error
    if (freshened) {
      this.stored(freshened, cacheStatus, startedAt)
      return
    }
    this.#tell(cacheStatus, startedAt)
    if (error || !answer) throw error ?? new Error('the fill ended without an answer')
    const headers = clientHeaders(answer.head.headers)
    if (entry?.status === 200) headers['accept-ranges'] = 'bytes'
    await this.#join(answer, entry, { headers, trailers: true, leaving })
  }

  /** What another's fill brings, as he would get it once it is stored. Aborts `leaving` with him. */
  async shared({ answer, entry }: Begun, cacheStatus: string, leaving: AbortController): Promise<void> {
    this.#tell(cacheStatus)
    const headers = storedFields(entry, secondsOf(entry, performance.now()), answer.length)
    await this.#join(answer, entry, { headers, trailers: false, leaving })
  }

  failed({ entry, status, error }: Failed, cacheStatus: string): void {
    if (entry) {
      this.stored(entry, cacheStatus)
      return
    }
    this.#tell(cacheStatus)
    // What a fill found, here or at another gateway, as it told it through the cache.
    this.#exchange.error = error as ProxyErrorType
    this.#call.delivery.fail(new FillFailed(status, error as ProxyErrorType))
  }

  /** He asks for himself. */
  pass(cacheStatus: string): void {
    this.#tell(cacheStatus)
    passBy(this.#call)
  }

  /** From its first byte on, as it comes; a part that can be told only of the whole, once that is here. */
  async #join(
    answer: RunningAnswer,
    entry: EntryHead | undefined,
    { headers, trailers, leaving }: { headers: AnswerHeaders; trailers: boolean; leaving: AbortController },
  ): Promise<void> {
    const { delivery } = this.#call
    if (answer.error) throw answer.error
    const head = { ...answer.head, headers }
    const left = (reason: Error) => leaving.abort(reason)
    if (answer.open && deliverRunning(answer, head, this.#call, { trailers, left })) return
    leaving.signal.addEventListener('abort', () => delivery.fail(leaving.signal.reason))
    const body = answer.open && entry ? await answer.body : undefined
    if (body && entry) deliverStored({ ...entry, body }, secondsOf(entry, performance.now()), this.#call)
    else passBy(this.#call)
  }

  /** For `forward`: what the cache did, and how long it looked before somebody else was asked. */
  #tell(cacheStatus: string, until = performance.now()): void {
    this.#exchange.cacheStatus = cacheStatus
    this.#exchange.timings.push({ name: 'cache', ms: until - this.#startedAt })
  }
}

/** Its age, as `Age` says it. */
function secondsOf(entry: EntryHead, now: number): number {
  return Math.floor(ageOf(entry, now) / 1000)
}
