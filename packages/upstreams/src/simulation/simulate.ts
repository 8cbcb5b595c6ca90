/** Policies in virtual time: balancers choose among servers that queue, so that hours of load are seconds of arithmetic. */
import type { Policy } from '../policies/policy.ts'
import { Agenda } from './agenda.ts'
import { exponential, seeded } from './chance.ts'
import { Known } from './known.ts'
import { type Server, Upstream } from './server.ts'

export interface Simulation {
  readonly policy: () => Policy
  readonly servers: readonly Server[]
  /** Each with its own policy and knowledge; requests go to any of them. Default: 1. */
  readonly balancers?: number
  /** Requests a second of all balancers, at random (Poisson). */
  readonly perSecond: number
  readonly requests: number
  /** The same seed, the same run. */
  readonly seed: number
  /** Whether answers say the server's load, as `x-load` does. Default: true. */
  readonly says?: boolean
  /** Milliseconds after which a request is given up and has failed; the server works on. Default: never. */
  readonly timeout?: number
  /** The key of a request, for policies that look at it. Default: none. */
  readonly hashKey?: (random: () => number) => string
}

/** The requests in the order they came. */
export interface Run {
  /** Milliseconds from the beginning. */
  readonly sentAt: Float64Array
  readonly latencyMs: Float64Array
  /** Who got it, by its place among the simulation's servers. */
  readonly server: Uint32Array
  /** How many that server then had in flight, of all balancers and with this one. */
  readonly inFlight: Uint32Array
}

/** @throws {RangeError} when the policy chooses what is no candidate */
export function simulate(simulation: Simulation): Run {
  const { servers, perSecond, requests, seed, says = true, timeout = Number.POSITIVE_INFINITY, hashKey } = simulation
  const random = seeded(seed)
  const balancers = Array.from({ length: simulation.balancers ?? 1 }, () => new Balancer(simulation.policy()))
  const joins = new Agenda<{ at: number; upstream: Upstream }>()
  for (const [index, server] of servers.entries()) {
    joins.add({ at: server.joinsAt ?? 0, upstream: new Upstream(server, index) })
  }
  const answers = new Agenda<{ at: number; sentAt: number; found: number; late: boolean; known: Known }>()
  const sentAt = new Float64Array(requests)
  const latencyMs = new Float64Array(requests)
  const server = new Uint32Array(requests)
  const inFlight = new Uint32Array(requests)
  const gap = exponential(1000 / perSecond)

  let now = 0
  for (let request = 0; request < requests; request++) {
    now += gap(random)
    for (let answer = answers.take(now); answer; answer = answers.take(now)) {
      const ms = answer.at - answer.sentAt
      answer.known.answered(answer.at, ms, answer.found, { says, late: answer.late })
    }
    for (let join = joins.take(now); join; join = joins.take(now)) {
      for (const balancer of balancers) balancer.meet(join.upstream)
    }
    const balancer = balancers[Math.floor(random() * balancers.length)] as Balancer
    const chosen = balancer.choose(now, random, hashKey?.(random))
    const found = chosen.upstream.inFlight
    const end = chosen.send(now, random)
    const at = Math.min(end, now + timeout)
    answers.add({ at, sentAt: now, found, late: at < end, known: chosen })
    sentAt[request] = now
    latencyMs[request] = Math.min(end - now, timeout)
    server[request] = chosen.upstream.index
    inFlight[request] = found + 1
  }
  return { sentAt, latencyMs, server, inFlight }
}

class Balancer {
  readonly #policy: Policy
  readonly #known: Known[] = []
  /** Those of them in slow start, or once in it. */
  readonly #ramping: Known[] = []

  constructor(policy: Policy) {
    this.#policy = policy
  }

  meet(upstream: Upstream): void {
    const known = new Known(upstream)
    this.#known.push(known)
    if (upstream.server.slowStart) this.#ramping.push(known)
  }

  choose(now: number, random: () => number, hashKey: string | undefined): Known {
    for (const known of this.#ramping) known.ramp(now)
    const choice = this.#policy.choose(this.#known, { now, random, hashKey })
    const chosen = this.#known[choice]
    if (!chosen) throw new RangeError(`the policy chose ${choice} of ${this.#known.length} candidates`)
    return chosen
  }
}
