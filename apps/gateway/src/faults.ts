/** Faults on purpose: what the routes file says of a route, or what an administrator says instead, through reloads. */
import { setTimeout as pause } from 'node:timers/promises'
import { bareItem } from '@spillway/forward'
import { Counter } from '@spillway/metrics'
import { callerOf, Problem, type ServiceContext } from '@spillway/service'
import type { FastifyReply, FastifyRequest, preHandlerHookHandler } from 'fastify'
import { gatewayProblems } from './errors.ts'
import { drawn, type Fault, type FaultsSource } from './routes-file/faults.ts'
import type { Route } from './routes-file/read.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Milliseconds for which it was held up on purpose. */
    faultMs: number
  }
}

/** A route's path, and one of its methods. */
export interface Place {
  readonly path: string
  readonly method: string
}

export class Faults {
  /** By place: empty where an administrator wants none. */
  readonly #instead = new Map<string, FaultsSource>()
  readonly #injected: Counter<'route' | 'fault'>
  readonly #name: string
  readonly #random: () => number

  constructor({ registry, instance }: Pick<ServiceContext, 'registry' | 'instance'>, random = Math.random) {
    this.#name = bareItem(instance)
    this.#random = random
    this.#injected = new Counter({
      name: 'spillway_gateway_faults_total',
      help: 'Requests that were delayed or aborted on purpose, by the route’s path.',
      labelNames: ['route', 'fault'] as const,
      registers: [registry],
    })
  }

  /** What holds for a place of this route. */
  of({ path, faults = {} }: Pick<Route, 'path' | 'faults'>, method: string): FaultsSource {
    return this.#instead.get(nameOf({ path, method })) ?? faults
  }

  /** Whether an administrator has said something of it. */
  isChanged(place: Place): boolean {
    return this.#instead.has(nameOf(place))
  }

  /** Without `faults`, what the file says holds again. */
  change(place: Place, faults: FaultsSource | undefined): void {
    if (faults) this.#instead.set(nameOf(place), faults)
    else this.#instead.delete(nameOf(place))
  }

  /** The last `preHandler` of a route. A client that leaves is held up no longer, nor is one beyond its deadline. */
  inject(route: Route): preHandlerHookHandler {
    return (request, reply, done) => {
      if (route.faults === undefined && this.#instead.size === 0) {
        done()
        return
      }
      // HEAD goes with GET.
      const faults = this.of(route, request.method === 'HEAD' ? 'GET' : request.method)
      this.#befall(drawn(faults, this.#random), route.path, request, reply).then(() => done(), done)
    }
  }

  async #befall(
    { delayMs, status }: Fault,
    route: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    if (delayMs > 0) {
      this.#injected.labels(route, 'delay').inc()
      const { signal, deadlineAt } = callerOf(request, reply)
      request.faultMs = Math.min(delayMs, Math.max(0, Math.ceil(deadlineAt - performance.now())))
      await pause(request.faultMs, undefined, { signal }).catch(() => {})
    }
    if (status === undefined) return
    this.#injected.labels(route, 'abort').inc()
    throw new Problem(
      { ...gatewayProblems.fault_injected, status },
      // RFC 9209, 2.3.30: nobody behind us was asked.
      { headers: { 'proxy-status': `${this.#name}; error=proxy_internal_response; details="fault_injected"` } },
    )
  }
}

function nameOf({ method, path }: Place): string {
  return `${method} ${path}`
}
