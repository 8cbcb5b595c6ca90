/** An upstream in virtual time: what arrives while it works on as much as it can waits in line. */
import type { Said } from '../policies/policy.ts'
import { percentile } from './chance.ts'

export interface Server {
  /** Requests that it works on at once. */
  readonly concurrency: number
  /** Milliseconds of work that a request is; `random` as `Math.random`. */
  readonly serviceMs: (random: () => number) => number
  /** Default: 1. */
  readonly weight?: number
  /** All its answers are failures. Default: false. */
  readonly fails?: boolean
  /** It does nothing for the last `lasts` milliseconds of every `every`. Default: never. */
  readonly stalls?: { readonly every: number; readonly lasts: number }
  /** Milliseconds after which the balancers know it. Default: 0. */
  readonly joinsAt?: number
  /** Whether it is in slow start from then on, as what comes up among others is. Default: false. */
  readonly slowStart?: boolean
}

/** A server at work: first come, first served, so that when a request ends is known when it comes. */
export class Upstream {
  readonly server: Server
  /** Its place among the simulation's servers. */
  readonly index: number
  inFlight = 0
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
    this.inFlight++
    let worker = 0
    for (let at = 1; at < this.#free.length; at++) {
      if ((this.#free[at] as number) < (this.#free[worker] as number)) worker = at
    }
    const begin = Math.max(now, this.#free[worker] as number)
    const end = done(begin, this.server.serviceMs(random), this.server.stalls)
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

/** When work that could begin at `begin` is done. */
function done(begin: number, work: number, stalls: Server['stalls']): number {
  if (!stalls) return begin + work
  const { every, lasts } = stalls
  const busy = every - lasts
  const into = Math.min(begin % every, busy)
  const worked = into + work
  return begin - (begin % every) + Math.floor(worked / busy) * every + (worked % busy)
}
