/** `GATEWAY_CONCURRENCY`: so many requests at work at once in this gateway, the rest in line, each caller in one of his own. */
import { bareItem } from '@spillway/forward'
import { Counter, Histogram, readings } from '@spillway/metrics'
import { callerOf, type Entry, Gate, Problem, type ServiceContext } from '@spillway/service'
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { addressBlock } from './address.ts'
import { gatewayProblems, retryAfter } from './errors.ts'

/** As many as may be under way in a cluster behind us. */
const LONGEST_LINE = 1024

declare module 'fastify' {
  interface FastifyRequest {
    /** Milliseconds it has waited in line. */
    queuedMs: number
  }
}

export class Places {
  readonly #gate: Gate
  readonly #waited: Histogram
  readonly #refused: Counter

  readonly #name: string

  /** `name` is this gateway's, as `Proxy-Status` has it. */
  constructor(limit: number, { registry, instance }: Pick<ServiceContext, 'registry' | 'instance'>) {
    this.#name = bareItem(instance)
    const gate = new Gate({ running: limit, waiting: LONGEST_LINE })
    const registers = [registry]
    const { gauge } = readings(registry)
    gauge('spillway_gateway_concurrency_limit', 'Requests that may be at work at once.', () => limit)
    gauge('spillway_gateway_running', 'Requests at work.', () => gate.running)
    gauge('spillway_gateway_waiting', 'Requests in line.', () => gate.waiting)
    this.#waited = new Histogram({
      name: 'spillway_gateway_queue_duration_seconds',
      help: 'How long requests waited in line, those that did not wait included.',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
      registers,
    })
    this.#refused = new Counter({
      name: 'spillway_gateway_queue_refused_total',
      help: 'Requests for which there was no room in line, or whose turn would have come too late.',
      registers,
    })
    this.#gate = gate
  }

  /**
   * A `preHandler`, so that refusals and slow uploads keep no place. The place is free again when the answer has ended
   * or the client is gone.
   *
   * @param withinMs how long the answer may take in all
   * @throws {Problem} `gateway_busy`, `gateway_queue_timeout`
   */
  taken(withinMs: number): preHandlerAsyncHookHandler {
    return async (request, reply) => {
      const began = performance.now()
      const entry = await this.#enter(request, reply, withinMs)
      request.queuedMs = performance.now() - began
      this.#waited.observe(request.queuedMs / 1000)
      if (entry === 'entered') {
        if (reply.raw.closed) this.#gate.leave()
        else reply.raw.once('close', () => this.#gate.leave())
      } else if (entry !== 'left') {
        this.#refused.inc()
        const detail = entry === 'late' ? 'the turn would come after the time is over' : undefined
        const headers = { 'retry-after': retryAfter(Math.random()) }
        throw new Problem(gatewayProblems.gateway_busy, { headers, ...(detail === undefined ? {} : { detail }) })
      } else if (!reply.raw.closed) {
        // Else whoever balances over gateways would take this one for broken, when it is only busy.
        const headers = { 'proxy-status': `${this.#name}; error=http_response_timeout` }
        throw new Problem(gatewayProblems.gateway_queue_timeout, { headers })
      }
    }
  }

  async #enter(request: FastifyRequest, reply: FastifyReply, withinMs: number): Promise<Entry> {
    const caller = callerOf(request, reply)
    const over = new AbortController()
    const giveUp = () => over.abort()
    const began = performance.now()
    const deadlineAt = Math.min(began + withinMs, caller.deadlineAt)
    const patience = setTimeout(giveUp, deadlineAt - began)
    caller.signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await this.#gate.enter(over.signal, { as: callerKey(request), deadlineAt })
    } finally {
      clearTimeout(patience)
    }
  }
}

/** Whom the line belongs to. */
function callerKey({ identity, ip }: FastifyRequest): string {
  return identity ? `user ${identity.subject}` : `address ${addressBlock(ip)}`
}
