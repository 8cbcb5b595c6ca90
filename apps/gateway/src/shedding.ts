/** Refuses a share of the requests while this process is overloaded, before anything is done for them; the others begin in turn. */
import type { Server } from 'node:net'
import { Counter, readings } from '@spillway/metrics'
import { Problem, type ServiceContext, Turns, watchLoop } from '@spillway/service'
import type { onRequestHookHandler } from 'fastify'
import { AcceptWait } from './accept-wait.ts'
import { gatewayProblems, retryAfter } from './errors.ts'
import { Overload, type OverloadLimits, type Rank } from './overload.ts'

export interface SheddingOptions {
  readonly limits: OverloadLimits
  readonly context: Pick<ServiceContext, 'logger' | 'registry'>
  /** Requests that this process has begun and not ended. */
  readonly inFlight: () => number
  /** What clients connect to. */
  readonly server: Server
}

export class Shedding {
  readonly #overload: Overload
  readonly #options: SheddingOptions
  readonly #shed: Counter<'rank'>
  readonly #accepts: AcceptWait
  readonly #turns = new Turns()
  readonly #unwatch: () => void

  constructor(options: SheddingOptions) {
    const overload = new Overload(options.limits)
    readings(options.context.registry).gauge(
      'spillway_gateway_shed_share',
      'What share of all that may be refused is refused now: up to one half public routes, from there on all.',
      () => overload.share,
    )
    this.#shed = new Counter({
      name: 'spillway_gateway_shed_total',
      help: 'Requests refused because this gateway is overloaded, by who may call their route.',
      labelNames: ['rank'] as const,
      registers: [options.context.registry],
    })
    this.#overload = overload
    this.#options = options
    this.#accepts = new AcceptWait(options.server)
    this.#unwatch = watchLoop((lateMs, sinceMs) => this.#look(lateMs, sinceMs))
  }

  close(): void {
    this.#unwatch()
    this.#accepts.close()
  }

  /**
   * An `onRequest`, before anybody looks at who is asking: refusing must cost little.
   *
   * @throws {Problem} `gateway_shedding`, with `Retry-After`, so that a balancer prefers others and ejects nobody
   */
  hook(rank: Rank): onRequestHookHandler {
    return (request, _reply, done) => {
      if (!this.#overload.refuses(rank, Math.random())) {
        this.#turns.enter(request, done)
        return
      }
      this.#shed.inc({ rank })
      done(new Problem(gatewayProblems.gateway_shedding, { headers: { 'retry-after': retryAfter(Math.random()) } }))
    }
  }

  #look(loopLateMs: number, sinceMs: number): void {
    const { inFlight, context } = this.#options
    const before = this.#overload.share
    const beforeMs = Math.max(loopLateMs, this.#accepts.look(sinceMs))
    this.#turns.observe(beforeMs)
    const lateMs = beforeMs + this.#turns.waitMs
    this.#overload.observe({ lateMs, sinceMs, inFlight: inFlight() })
    const { share } = this.#overload
    if (before === 0 && share > 0) context.logger.warn({ inFlight: inFlight() }, 'overloaded: requests are refused')
    if (before > 0 && share === 0) context.logger.info('no longer overloaded')
  }
}
