/** One undici Dispatcher over many endpoints: chooses one for each request and learns from what becomes of it. */
import { Dispatcher } from 'undici'
import { Attempt, type Surroundings } from './attempt.ts'
import { Budget } from './budget.ts'
import { Checks } from './check.ts'
import { wanted } from './check-spec.ts'
import { limitsOf } from './cluster-limits.ts'
import { Deadlines } from './deadlines.ts'
import { destinations } from './destinations.ts'
import { checkWeight, type Place } from './discovery.ts'
import { mayEject } from './ejection.ts'
import { Endpoint } from './endpoint.ts'
import { UpstreamError } from './errors.ts'
import type { ProxyErrorType } from './exchange.ts'
import { Members } from './members.ts'
import type { UpstreamsOptions } from './options.ts'
import type { PolicyName } from './policies/policies.ts'
import type { Policy } from './policies/policy.ts'
import { Queue } from './queue.ts'
import { Running } from './running.ts'
import { Selection } from './selection.ts'
import { secured } from './tls.ts'
import { BY_OPERATOR, type Transition } from './transition.ts'
import type { ClusterStats, EndpointView } from './view.ts'

/** Milliseconds between two looks for requests that have been silent for too long: how exact those limits are. */
const SWEEP = 500

/**
 * Starts its checks and lookups when constructed, without waiting for them; `close` or `destroy` ends them. A request
 * fails with an `UpstreamError`, or with the reason it was aborted for; its handler gets `onRequestStart` before there is a
 * connection, and before its turn has come.
 */
export class Upstreams extends Dispatcher {
  readonly name: string
  /** For `retry` around it. */
  readonly budget = new Budget()
  // `private` and not `#`, here alone: what `compose` returns is a Proxy, through which `#` fields cannot be reached.
  private readonly members: Members
  private readonly selection: Selection
  private readonly clock: () => number
  private readonly tell: (transition: Transition) => void
  private readonly around: Surroundings
  private readonly ejections: Record<string, number> = {}
  private readonly checks: Checks | undefined
  private readonly sweeps: NodeJS.Timeout

  /** @throws {TypeError} on a bad endpoint, none, the same twice, a bad check, TLS text or address, and a name that no policy has */
  constructor(options: UpstreamsOptions) {
    super()
    const {
      name,
      endpoints,
      policy = 'p2c-ewma',
      check = {},
      clock = () => performance.now(),
      random = Math.random,
    } = options
    const { onTransition = () => {}, resolve } = options
    const limits = limitsOf(options.limits)
    this.name = name
    this.clock = clock
    this.selection = new Selection({
      current: () => this.members.current,
      policy,
      clock,
      random,
      onMistake: (reason) => this.tell({ endpoint: name, from: 'own', to: 'own', reason }),
    })
    const running = new Running(clock)
    const choose: Selection['choose'] = (exchange, more) => this.selection.choose(exchange, more)
    const queue = new Queue<Endpoint, Attempt>({ limits, running, choose })
    this.around = { queue, running, waiting: new Deadlines(clock), clock }
    this.tell = (transition) => {
      const { to, reason } = transition
      if (to === 'ejected') this.ejections[reason] = (this.ejections[reason] ?? 0) + 1
      onTransition(transition)
      queue.wake()
    }
    const way = { secured: secured(options.tls ?? {}), allowed: destinations(options.allowAddresses) }
    const checks = check ? new Checks({ wanted: wanted(check), clock, random }) : undefined
    this.checks = checks
    const { connections } = limits
    const told = { clock, onTransition: this.tell }
    const onFailure = (endpoint: Endpoint, type: ProxyErrorType | undefined) => this.judge(endpoint, type)
    const open = (place: Place, first: boolean) =>
      new Endpoint({ place, way, connections, first, checked: checks !== undefined, onFailure, ...told })
    this.members = new Members({ cluster: name, endpoints, open, checks, resolve, random, ...told })
    this.sweeps = setInterval(() => this.sweep(), SWEEP)
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.around.queue.take(new Attempt(options, handler, this.around))
  }

  /** How many endpoints would be chosen now. */
  get available(): number {
    return this.selection.usable(this.clock()).length
  }

  endpoints(): EndpointView[] {
    const { current } = this.members
    const chosen = new Set(this.selection.usable(this.clock()))
    return current.map((endpoint) => endpoint.view(chosen.has(endpoint)))
  }

  stats(): ClusterStats {
    const { queue, running } = this.around
    const retriesLeft = this.budget.left(this.clock())
    const [rejected, ejections] = [{ ...queue.rejected }, { ...this.ejections }]
    const { current, lookups } = this.members
    const endpoints = current.map((endpoint) => endpoint.stats())
    return { inFlight: running.size, pending: queue.size, rejected, ejections, retriesLeft, lookups, endpoints }
  }

  /**
   * Other endpoints from now on, as in the options. What stays keeps its connections and what is known of it, with the
   * weight that is given now; what leaves finishes its requests.
   * @throws {TypeError} as the constructor, and where one that stays has another `backup` or `max`; nothing changes then
   */
  update(endpoints: UpstreamsOptions['endpoints']): void {
    this.members.update(endpoints)
  }

  /** Whether each endpoint that is named is known to be good or bad: until then requests may be refused with 503. */
  get settled(): boolean {
    return this.members.settled
  }

  /** What chooses now; `own` is a policy that was given itself. */
  get policy(): PolicyName | 'own' {
    return this.selection.policy
  }

  /**
   * Chooses by this from the next request on. What is known of the endpoints stays known; what the policy before
   * remembered, such as turns, is forgotten.
   * @throws {TypeError} on a name that no policy has
   */
  usePolicy(policy: PolicyName | Policy): void {
    const from = this.policy
    this.selection.use(policy)
    this.tell({ endpoint: this.name, from, to: this.policy, reason: BY_OPERATOR })
  }

  /** Sends an endpoint nothing more; it finishes what it has. False where no endpoint has this origin, here and below. */
  drain(origin: string): boolean {
    return this.operate(origin, (endpoint) => endpoint.drain())
  }

  /** Takes `drain` back, and an ejection, whoever ejected. */
  undrain(origin: string): boolean {
    return this.operate(origin, (endpoint) => endpoint.undrain())
  }

  /** Ejects an endpoint that is up, for as long as its failures would, whatever the bound on how many may be out. */
  eject(origin: string): boolean {
    return this.operate(origin, (endpoint) => endpoint.eject(BY_OPERATOR))
  }

  /**
   * Gives an endpoint another weight for as long as it is a member.
   * @throws {TypeError} unless it is above 0 and at most 1000
   */
  weigh(origin: string, weight: number): boolean {
    checkWeight(origin, weight)
    return this.operate(origin, (endpoint) => endpoint.weigh(weight, BY_OPERATOR))
  }

  /** Takes no more requests and resolves when those under way have ended; upgraded connections are cut then. */
  override close(): Promise<void>
  override close(callback: () => void): void
  override close(callback?: () => void): Promise<void> | void {
    const ended = this.end((endpoint) => (endpoint.pool.destroyed ? Promise.resolve() : endpoint.pool.close()))
    return callback ? void ended.then(callback) : ended
  }

  /** Fails everything under way, with `error` where one is given. */
  override destroy(error: Error | null): Promise<void>
  override destroy(): Promise<void>
  override destroy(error: Error | null, callback: () => void): void
  override destroy(callback: () => void): void
  override destroy(first?: Error | null | (() => void), second?: () => void): Promise<void> | void {
    const callback = typeof first === 'function' ? first : second
    const error = first instanceof Error ? first : null
    const ended = this.end((endpoint) => endpoint.pool.destroy(error))
    return callback ? void ended.then(callback) : ended
  }

  private async end(endPool: (endpoint: Endpoint) => Promise<void>): Promise<void> {
    this.around.queue.close()
    await this.members.end(endPool)
    clearInterval(this.sweeps)
    this.around.running.abort(new UpstreamError('destination_unavailable', { sent: true }))
  }

  private operate(origin: string, act: (endpoint: Endpoint) => void): boolean {
    const endpoint = this.members.current.find((member) => member.origin === origin)
    if (endpoint) act(endpoint)
    return endpoint !== undefined
  }

  private sweep(): void {
    this.around.running.sweep(SWEEP)
    this.around.queue.sweep()
  }

  private judge(endpoint: Endpoint, type: ProxyErrorType | undefined): void {
    if (type === 'connection_terminated' || type === 'http_response_incomplete') this.checks?.soon(endpoint)
    const { charge } = endpoint
    if (charge === undefined) return
    const { current } = this.members
    const out = current.filter(({ condition }) => condition.state === 'ejected').length
    if (mayEject(out, current.length)) endpoint.eject(charge)
  }
}
