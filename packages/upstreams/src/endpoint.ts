/** One endpoint: its connections, what is known of its health, and what its answers said. */
import type { Client, Pool } from 'undici'
import {
  afterCheck,
  afterRefusal,
  afterTime,
  type Condition,
  ejected,
  type Finding,
  readmitted,
  timesEjected,
} from './condition.ts'
import { hostOf, type Place, type Traits } from './discovery.ts'
import type { ProxyErrorType } from './exchange.ts'
import { PeakEwma } from './latency.ts'
import { readLoad } from './load.ts'
import { Outcomes } from './outcomes.ts'
import type { Candidate, Said } from './policies/policy.ts'
import { openClient, openPool, type Way } from './pool.ts'
import { ramp } from './slow-start.ts'
import { BY_OPERATOR, type Transition } from './transition.ts'
import type { EndpointStats, EndpointView, Intent } from './view.ts'

export interface EndpointOptions {
  readonly place: Place
  readonly way: Way
  /** How many requests its cluster may have on their way at once. */
  readonly connections: number
  /** Whether it is one of the first of its cluster: then there is no slow start when it first comes up. */
  readonly first: boolean
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
  readonly traits: Traits
  readonly backup: boolean
  readonly max: number
  /** The same with each request: undici opens another connection where it is not, and takes it from `Host` otherwise. */
  readonly servername: string
  readonly pool: Pool
  inFlight = 0
  /** As policies see it: its own times what slow start lets count. */
  weight: number
  said: Said | undefined
  #ownWeight: number
  /** When slow start began. */
  #risenAt = Number.NEGATIVE_INFINITY
  readonly #first: boolean
  #latency = new PeakEwma()
  readonly #way: Way
  readonly #checked: boolean
  readonly #clock: () => number
  #onTransition: EndpointOptions['onTransition']
  readonly #onFailure: EndpointOptions['onFailure']
  /** Who says that it drains: itself, before it stops, or an operator. Neither can take back what the other says. */
  readonly #draining = { itself: false, operator: false }
  #condition: Condition
  /** Checks in a row with the same outcome since the condition last changed: positive good, negative bad. */
  #streak = 0
  #timesEjected = 0
  #opened = 0
  readonly #outcomes = new Outcomes()

  constructor({ place, way, connections, first, checked, clock, onTransition, onFailure }: EndpointOptions) {
    this.origin = place.origin
    this.named = place.named
    this.address = place.address
    this.traits = place.traits
    this.backup = place.traits.backup
    this.max = place.traits.max
    this.#ownWeight = this.weight = place.traits.weight
    this.#first = first
    this.servername = hostOf(place.named)
    this.#checked = checked
    this.#clock = clock
    this.#onTransition = onTransition
    this.#onFailure = onFailure
    this.#condition = checked ? { state: 'starting' } : { state: 'up', since: clock() }
    if (!checked && !first) this.#risenAt = clock()
    this.#way = way
    this.pool = openPool(place, way, Math.min(connections, this.max))
    this.pool.on('connect', () => this.#opened++)
  }

  /** Whether it takes requests, as of the last `refresh`. */
  get available(): boolean {
    return this.intent === 'active' && this.#condition.state === 'up'
  }

  /** Whether it would without an ejection. */
  get passing(): boolean {
    return this.available || (this.intent === 'active' && this.#condition.state === 'ejected')
  }

  get intent(): Intent {
    return this.#draining.itself || this.#draining.operator ? 'draining' : 'active'
  }

  get condition(): Condition {
    this.refresh(this.#clock())
    return this.#condition
  }

  /** What time does to it: to be called before a choice. */
  refresh(now: number): void {
    this.#become(afterTime(this.#condition, now), 'the ejection is over')
    this.weight = this.#ownWeight * ramp(this.#risenAt, now)
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
    return this.#outcomes.charge(this.#clock())
  }

  /**
   * Answer headers came, `ms` after the request was handed over; `failed` if they count against the endpoint.
   * @param load its `x-load`
   */
  answered(ms: number, failed: boolean, load?: string | readonly string[]): void {
    const now = this.#clock()
    this.#outcomes.answered(now, ms, failed)
    this.said = readLoad(load, now) ?? this.said
    if (failed) {
      this.#latency.failed(now, ms)
      this.#onFailure(this, undefined)
    } else this.#latency.answered(now, ms)
  }

  /** No answer came (`answered` was not called), or it broke off. */
  broke(type: ProxyErrorType, afterHeaders: boolean): void {
    const now = this.#clock()
    this.#outcomes.broke(now, afterHeaders)
    this.#latency.failed(now, 0)
    if (this.#checked && type === 'connection_refused') this.#become(afterRefusal(this.#condition, type), type)
    this.#onFailure(this, type)
  }

  newcomer(port: number | undefined): Client {
    return openClient(this, this.#way, port)
  }

  checked(finding: Finding): void {
    const { outcome } = finding
    if (outcome === 'draining' && !this.#draining.itself) this.#drains('itself', true, 'it says so')
    if (outcome === 'good' && this.#draining.itself) this.#drains('itself', false, 'it is ready again')
    if (outcome !== 'good' && outcome !== 'bad') return
    this.#streak = outcome === 'good' ? Math.max(this.#streak, 0) + 1 : Math.min(this.#streak, 0) - 1
    const reason = outcome === 'bad' ? finding.reason : 'its checks pass'
    this.#become(afterCheck(this.#condition, finding, Math.abs(this.#streak), this.#clock()), reason)
  }

  /** To be called first, where its cluster was there before it. */
  arrive(reason: string): void {
    this.#tell('absent', this.#condition.state, reason)
  }

  /** What becomes of it from now on is told to nobody: its place may have been taken. */
  leave(reason: string): void {
    this.#tell(this.condition.state, 'absent', reason)
    this.#onTransition = () => {}
  }

  /** By an operator: it finishes what it has, whatever it says of itself. */
  drain(): void {
    if (!this.#draining.operator) this.#drains('operator', true, BY_OPERATOR)
  }

  /** Takes back what operators did: `drain`, and an ejection, theirs or not. Whether it says that it drains is its own. */
  undrain(): void {
    if (this.#draining.operator) this.#drains('operator', false, BY_OPERATOR)
    this.#become(readmitted(this.condition, this.#clock()), BY_OPERATOR)
  }

  /** `why`: who says so. */
  weigh(weight: number, why: string): void {
    this.#ownWeight = weight
    this.#tell(this.condition.state, this.#condition.state, why, { weight })
  }

  /** Only what is up is ejected: what is out already, is. */
  eject(reason: string): void {
    if (this.condition.state !== 'up') return
    const now = this.#clock()
    this.#timesEjected = timesEjected(this.#condition, this.#timesEjected, now)
    this.#become(ejected(this.#condition, reason, this.#timesEjected, now), reason)
  }

  view(available: boolean): EndpointView {
    const now = this.#clock()
    const condition = this.condition
    return {
      origin: this.origin,
      intent: this.intent,
      drained: this.#draining.operator,
      condition: condition.state,
      reason: 'reason' in condition ? condition.reason : undefined,
      ejectedForS: condition.state === 'ejected' ? Math.ceil((condition.until - now) / 1000) : undefined,
      available,
      weight: this.#ownWeight,
      ramp: ramp(this.#risenAt, now),
      backup: this.backup,
      max: Number.isFinite(this.max) ? this.max : undefined,
      inFlight: this.inFlight,
      requests: this.#outcomes.requests,
      failures: this.#outcomes.failures,
      latencyMs: this.#outcomes.latency(now),
    }
  }

  stats(): EndpointStats {
    const { origin, pool } = this
    return { origin, opened: this.#opened, connections: pool.stats.connected, heads: this.#outcomes.heads }
  }

  #drains(who: 'itself' | 'operator', drains: boolean, reason: string): void {
    const from = this.intent
    this.#draining[who] = drains
    this.#tell(from, this.intent, reason)
  }

  #become(condition: Condition, reason: string): void {
    if (condition === this.#condition) return
    const from = this.#condition.state
    this.#condition = condition
    this.#streak = 0
    // Most often its process died: the next one is not to serve the rest of its ejections.
    if (condition.state === 'down') this.#timesEjected = 0
    if (condition.state === 'up') {
      // What was held against it has been paid for, and was often another process's.
      this.#outcomes.forgive()
      this.#latency = new PeakEwma()
      if (from !== 'starting' || !this.#first) this.#risenAt = condition.since
    }
    this.#tell(from, condition.state, reason)
  }

  #tell(from: string, to: string, reason: string, more: Pick<Transition, 'weight'> = {}): void {
    this.#onTransition({ endpoint: this.origin, from, to, reason, ...more })
  }
}
