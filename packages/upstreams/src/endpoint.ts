/** One endpoint: its connections, what is known of its health, and what its answers said. */
import type { Pool } from 'undici'
import {
  afterCheck,
  afterRefusal,
  afterTime,
  type Condition,
  ejected,
  type Finding,
  timesEjected,
} from './condition.ts'
import type { Place } from './discovery.ts'
import { charge } from './ejection.ts'
import type { ProxyErrorType } from './exchange.ts'
import { PeakEwma } from './latency.ts'
import { readLoad } from './load.ts'
import type { Candidate, Said } from './policies/policy.ts'
import { openPool, servername } from './pool.ts'
import { RollingSum } from './rolling-sum.ts'

/** An endpoint as operators see it. */
export interface EndpointView {
  readonly origin: string
  readonly intent: Intent
  readonly condition: Condition['state']
  /** Why it is down or ejected. */
  readonly reason: string | undefined
  /** How many seconds an ejection lasts yet. */
  readonly ejectedForS: number | undefined
  /** Whether it would be chosen now. */
  readonly available: boolean
  /** Requests sent and not yet answered to their end. */
  readonly inFlight: number
  /** Answered or failed since the start. */
  readonly requests: number
  readonly failures: number
  /** Mean milliseconds to the answer's headers over the last 10 s; undefined without requests. */
  readonly latencyMs: number | undefined
}

/** What the endpoint itself wants: it drains before it stops. */
export type Intent = 'active' | 'draining'

/**
 * An endpoint's change: `from` and `to` are conditions, or intents; `absent` before DNS names it and once it no longer
 * does, which is the last that is told of it. For a name itself: `unknown`, `resolved` or `unresolved`.
 */
export interface Transition {
  /** The endpoint's origin, or the name as it is configured: `dns+http://gateway:5000`. */
  readonly endpoint: string
  readonly from: string
  readonly to: string
  readonly reason: string
}

export interface EndpointOptions {
  readonly place: Place
  /** Without active checks it counts as up from the start, and nothing but ejection takes it out. */
  readonly checked: boolean
  readonly clock: () => number
  readonly onTransition: (transition: Transition) => void
  /** Called after each failure, with its type where no answer came: the endpoint may have to be ejected now. */
  readonly onFailure: (endpoint: Endpoint, type: ProxyErrorType | undefined) => void
}

export class Endpoint implements Place, Candidate {
  readonly origin: string
  readonly named: string
  readonly address: string | undefined
  /** Whom the certificate of an https endpoint must be for, whatever `Host` a request has. */
  readonly servername: string | undefined
  readonly pool: Pool
  inFlight = 0
  readonly weight = 1
  said: Said | undefined
  readonly #latency: PeakEwma
  readonly #checked: boolean
  readonly #clock: () => number
  #onTransition: EndpointOptions['onTransition']
  readonly #onFailure: EndpointOptions['onFailure']
  #intent: Intent = 'active'
  #condition: Condition
  /** Checks in a row with the same outcome since the condition last changed: positive good, negative bad. */
  #streak = 0
  #timesEjected = 0
  #failuresInARow = 0
  #requests = 0
  #failures = 0
  readonly #recentRequests = new RollingSum()
  readonly #recentFailures = new RollingSum()
  readonly #recentAnswers = new RollingSum()
  readonly #recentLatency = new RollingSum()

  constructor({ place, checked, clock, onTransition, onFailure }: EndpointOptions) {
    this.origin = place.origin
    this.named = place.named
    this.address = place.address
    this.servername = servername(place)
    this.#latency = new PeakEwma()
    this.#checked = checked
    this.#clock = clock
    this.#onTransition = onTransition
    this.#onFailure = onFailure
    this.#condition = checked ? { state: 'starting' } : { state: 'up', since: clock() }
    this.pool = openPool(place)
  }

  /** Whether it takes requests, and would without an ejection. */
  get available(): boolean {
    return this.#intent === 'active' && this.condition.state === 'up'
  }

  get passing(): boolean {
    return this.available || (this.#intent === 'active' && this.#condition.state === 'ejected')
  }

  get condition(): Condition {
    this.#become(afterTime(this.#condition, this.#clock()), 'the ejection is over')
    return this.#condition
  }

  /** Milliseconds to its answers' heads, as policies see it. */
  latency(now: number): number {
    return this.#latency.at(now, this.inFlight > 0)
  }

  /** A request is on its way. */
  sent(): void {
    this.inFlight++
    this.#latency.sent(this.#clock(), this.inFlight === 1)
  }

  /** Why what became of its requests speaks for ejecting it, or undefined. */
  get charge(): string | undefined {
    const now = this.#clock()
    return charge(this.#failuresInARow, this.#recentRequests.total(now), this.#recentFailures.total(now))
  }

  /**
   * Answer headers came, `ms` after the request was handed over; `failed` if they count against the endpoint.
   * @param load its `x-load`
   */
  answered(ms: number, failed: boolean, load?: string | readonly string[]): void {
    const now = this.#clock()
    this.#requests++
    this.#recentRequests.add(now)
    this.#recentAnswers.add(now)
    this.#recentLatency.add(now, ms)
    this.said = readLoad(load, now) ?? this.said
    if (failed) {
      this.#latency.failed(now, ms)
      this.#failed(now, undefined)
    } else {
      this.#latency.answered(now, ms)
      this.#failuresInARow = 0
    }
  }

  /** No answer came (`answered` was not called), or it broke off. */
  broke(type: ProxyErrorType, afterHeaders: boolean): void {
    const now = this.#clock()
    if (!afterHeaders) {
      this.#requests++
      this.#recentRequests.add(now)
    }
    this.#latency.failed(now, 0)
    if (this.#checked && type === 'connection_refused') this.#become(afterRefusal(this.#condition, type), type)
    this.#failed(now, type)
  }

  checked(finding: Finding): void {
    if (finding.outcome === 'draining') this.#intend('draining')
    if (finding.outcome === 'good') this.#intend('active')
    if (finding.outcome !== 'good' && finding.outcome !== 'bad') return
    this.#streak = finding.outcome === 'good' ? Math.max(this.#streak, 0) + 1 : Math.min(this.#streak, 0) - 1
    const reason = finding.outcome === 'bad' ? finding.reason : 'its checks pass'
    this.#become(afterCheck(this.#condition, finding, Math.abs(this.#streak), this.#clock()), reason)
  }

  /** To be called first, where it was discovered. */
  arrive(reason: string): void {
    this.#onTransition({ endpoint: this.origin, from: 'absent', to: this.#condition.state, reason })
  }

  /** What becomes of it from now on is told to nobody: its place may have been taken. */
  leave(reason: string): void {
    this.#onTransition({ endpoint: this.origin, from: this.condition.state, to: 'absent', reason })
    this.#onTransition = () => {}
  }

  eject(reason: string): void {
    if (this.#condition.state !== 'up') return
    const now = this.#clock()
    this.#timesEjected = timesEjected(this.#condition, this.#timesEjected, now)
    this.#become(ejected(this.#condition, reason, this.#timesEjected, now), reason)
  }

  view(available: boolean): EndpointView {
    const now = this.#clock()
    const condition = this.condition
    const answers = this.#recentAnswers.total(now)
    return {
      origin: this.origin,
      intent: this.#intent,
      condition: condition.state,
      reason: 'reason' in condition ? condition.reason : undefined,
      ejectedForS: condition.state === 'ejected' ? Math.ceil((condition.until - now) / 1000) : undefined,
      available,
      inFlight: this.inFlight,
      requests: this.#requests,
      failures: this.#failures,
      latencyMs: answers === 0 ? undefined : this.#recentLatency.total(now) / answers,
    }
  }

  #failed(now: number, type: ProxyErrorType | undefined): void {
    this.#failures++
    this.#failuresInARow++
    this.#recentFailures.add(now)
    this.#onFailure(this, type)
  }

  #intend(intent: Intent): void {
    if (intent === this.#intent) return
    const from = this.#intent
    this.#intent = intent
    const reason = intent === 'draining' ? 'it says so' : 'it is ready again'
    this.#onTransition({ endpoint: this.origin, from, to: intent, reason })
  }

  #become(condition: Condition, reason: string): void {
    if (condition === this.#condition) return
    const from = this.#condition.state
    this.#condition = condition
    this.#streak = 0
    // Most often its process died: the next one is not to serve the rest of its ejections.
    if (condition.state === 'down') this.#timesEjected = 0
    if (condition.state === 'up') {
      // What was held against it has been paid for.
      this.#failuresInARow = 0
      this.#recentRequests.clear()
      this.#recentFailures.clear()
    }
    this.#onTransition({ endpoint: this.origin, from, to: condition.state, reason })
  }
}
