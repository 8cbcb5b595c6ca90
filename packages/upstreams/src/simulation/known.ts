/** What one balancer of a simulation knows of a server, as `Endpoint` knows it of a real one. */
import { PeakEwma } from '../latency.ts'
import type { Candidate, Said } from '../policies/policy.ts'
import { ramp } from '../slow-start.ts'
import type { Upstream } from './server.ts'

export class Known implements Candidate {
  readonly upstream: Upstream
  readonly origin: string
  weight: number
  inFlight = 0
  said: Said | undefined
  readonly #latency = new PeakEwma()

  constructor(upstream: Upstream) {
    this.upstream = upstream
    this.origin = `http://server-${upstream.index}`
    this.weight = upstream.server.weight ?? 1
  }

  /** Sets its weight for `now`. */
  ramp(now: number): void {
    const { weight = 1, joinsAt = 0 } = this.upstream.server
    this.weight = weight * ramp(joinsAt, now)
  }

  latency(now: number): number {
    return this.#latency.at(now, this.inFlight > 0)
  }

  /** Returns when the request will be answered. */
  send(now: number, random: () => number): number {
    this.inFlight++
    this.#latency.sent(now, this.inFlight === 1)
    return this.upstream.receive(now, random)
  }

  /** @param late whether the request was given up: the server is not heard */
  answered(at: number, ms: number, found: number, { says, late }: { says: boolean; late: boolean }): void {
    this.inFlight--
    const said = this.upstream.answer(at, ms, found)
    if (says && !late) this.said = said
    if (late || this.upstream.server.fails) this.#latency.failed(at, ms)
    else this.#latency.answered(at, ms)
  }
}
