/** Policies in virtual time: balancers choose among servers that queue, so that hours of load are seconds of arithmetic. */
import { PeakEwma } from '../latency.ts'
import { Agenda } from './agenda.ts'
import type { Candidate, Policy, Said } from './policy.ts'

/** An upstream: what arrives while it works on `concurrency` requests waits in line. */
export interface Server {
  readonly concurrency: number
  /** Milliseconds of work that a request is; `random` as `Math.random`. */
  readonly serviceMs: (random: () => number) => number
  /** Default: 1. */
  readonly weight?: number
  /** All its answers are failures. Default: false. */
  readonly fails?: boolean
  /** Milliseconds after which the balancers know it. Default: 0. */
  readonly joinsAt?: number
}

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
  readonly hashKey?: (random: () => number) => string
}

/** The requests in the order they came, and the most that each server had in flight. */
export interface Run {
  readonly sentAt: Float64Array
  readonly latencyMs: Float64Array
  /** By its place among the simulation's servers. */
  readonly server: Uint32Array
  readonly mostInFlight: readonly number[]
}

/** @throws {RangeError} when the policy chooses what is no candidate */
export function simulate(simulation: Simulation): Run {
  const { servers, perSecond, requests, seed, says = true, hashKey } = simulation
  const random = seeded(seed)
  const upstreams = servers.map((server, index) => new Upstream(server, index))
  const balancers = Array.from({ length: simulation.balancers ?? 1 }, () => new Balancer(simulation.policy()))
  const joins = new Agenda<{ at: number; upstream: Upstream }>()
  for (const upstream of upstreams) joins.add({ at: upstream.server.joinsAt ?? 0, upstream })
  const answers = new Agenda<{ at: number; sentAt: number; found: number; known: Known }>()
  const sentAt = new Float64Array(requests)
  const latencyMs = new Float64Array(requests)
  const server = new Uint32Array(requests)

  let now = 0
  for (let request = 0; request < requests; request++) {
    now += exponential(1000 / perSecond)(random)
    for (let answer = answers.take(now); answer; answer = answers.take(now)) {
      answer.known.answered(answer.at, answer.at - answer.sentAt, answer.found, says)
    }
    for (let join = joins.take(now); join; join = joins.take(now)) {
      for (const { known } of balancers) known.push(new Known(join.upstream))
    }
    const { policy, known } = balancers[Math.floor(random() * balancers.length)] as Balancer
    const choice = policy.choose(known, { now, random, hashKey: hashKey?.(random) })
    const chosen = known[choice]
    if (!chosen) throw new RangeError(`the policy chose ${choice} of ${known.length} candidates`)
    const found = chosen.upstream.inFlight
    const at = chosen.send(now, random)
    answers.add({ at, sentAt: now, found, known: chosen })
    sentAt[request] = now
    latencyMs[request] = at - now
    server[request] = chosen.upstream.index
  }
  return { sentAt, latencyMs, server, mostInFlight: upstreams.map(({ mostInFlight }) => mostInFlight) }
}

class Balancer {
  readonly known: Known[] = []
  readonly policy: Policy

  constructor(policy: Policy) {
    this.policy = policy
  }
}

/** A server at work: first come, first served, so that when a request ends is known when it comes. */
class Upstream {
  readonly server: Server
  readonly index: number
  inFlight = 0
  mostInFlight = 0
  /** When each of its workers will be free. */
  readonly #free: Float64Array
  /** Its latest latencies by the doublings of requests in flight when they came: its word is of as many as now. */
  readonly #latest: number[][] = []

  constructor(server: Server, index: number) {
    this.server = server
    this.index = index
    this.#free = new Float64Array(server.concurrency)
  }

  /** When the request that comes now will be answered. */
  receive(now: number, random: () => number): number {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    const worker = this.#free.indexOf(Math.min(...this.#free))
    const end = Math.max(now, this.#free[worker] as number) + this.server.serviceMs(random)
    this.#free[worker] = end
    return end
  }

  /** What it says with the answer, after `ms`, to a request that found `found` in flight. */
  answer(at: number, ms: number, found: number): Said {
    this.inFlight--
    const near = this.#near(found)
    near.push(ms)
    if (near.length > 15) near.shift()
    const now = this.#near(this.inFlight)
    return { inFlight: this.inFlight, latencyMs: percentile(now.length > 0 ? now : near, 0.5), at }
  }

  #near(inFlight: number): number[] {
    const doublings = 32 - Math.clz32(inFlight)
    const latest = this.#latest[doublings] ?? []
    this.#latest[doublings] = latest
    return latest
  }
}

/** What one balancer knows of a server. */
class Known implements Candidate {
  readonly upstream: Upstream
  readonly origin: string
  readonly weight: number
  inFlight = 0
  said: Said | undefined
  readonly #latency: PeakEwma

  constructor(upstream: Upstream) {
    this.upstream = upstream
    this.origin = `http://server-${upstream.index}`
    this.weight = upstream.server.weight ?? 1
    this.#latency = new PeakEwma()
  }

  latency(now: number): number {
    return this.#latency.at(now)
  }

  send(now: number, random: () => number): number {
    this.inFlight++
    this.#latency.sent(now)
    return this.upstream.receive(now, random)
  }

  answered(at: number, ms: number, found: number, says: boolean): void {
    this.inFlight--
    const said = this.upstream.answer(at, ms, found)
    if (says) this.said = said
    if (this.upstream.server.fails) this.#latency.failed(at, ms)
    else this.#latency.answered(at, ms)
  }
}

/** Exponential work of that mean: many short requests, some long. */
export function exponential(meanMs: number): Server['serviceMs'] {
  return (random) => -Math.log(1 - random()) * meanMs
}

/** Numbers as `Math.random` makes them, always the same ones for a seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The value that `share` (0 to 1) of them do not exceed. */
export function percentile(values: ArrayLike<number>, share: number): number {
  return Float64Array.from(values).sort()[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN
}
