/** The CPU-bound work: one computation at a time, first come, first served, given up when nobody waits for it any more. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { Gauge, Histogram, type Registry } from '@spillway/metrics'
import { primeSlices } from '@spillway/primes'
import { type Caller, Gate, Problem } from '@spillway/service'
import { errors } from './errors.ts'

/** With the one that runs 1,024: what a cluster's callers may have under way. */
const WAITING = 1023

export interface Computed {
  primes: number
  /** Milliseconds, turns given to others included. */
  durationMs: number
}

export class Computations {
  readonly #gate = new Gate({ running: 1, waiting: WAITING })
  readonly #duration: Histogram

  constructor(registry: Registry) {
    const registers = [registry]
    const gate = this.#gate
    new Gauge({
      name: 'spillway_microservice_waiting',
      help: 'Computations in line.',
      registers,
      collect() {
        this.set(gate.waiting)
      },
    })
    this.#duration = new Histogram({
      name: 'spillway_microservice_computation_duration_seconds',
      help: 'Duration of computations that came to their end, of /process and /stress-test, waiting not included.',
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
      registers,
    })
  }

  /**
   * Counts the primes up to `n`, after `latencyMs` in which it does nothing.
   * @throws {Problem} `microservice_busy`, `microservice_timeout`, `caller_left`
   */
  async primes(n: number, caller: Caller, latencyMs = 0): Promise<Computed> {
    const patience = new Patience(caller)
    try {
      if (latencyMs > 0) await sleep(latencyMs, undefined, { signal: patience.signal }).catch(() => patience.check())
      const entry = await this.#gate.enter(patience.signal)
      if (entry === 'full') throw new Problem(errors.microservice_busy, { headers: { 'retry-after': '1' } })
      try {
        return await this.#compute(n, patience)
      } finally {
        if (entry === 'entered') this.#gate.leave()
      }
    } finally {
      patience.end()
    }
  }

  async #compute(n: number, patience: Patience): Promise<Computed> {
    const started = performance.now()
    for (const slices = primeSlices(n); ; await turn()) {
      patience.check()
      const slice = slices.next()
      if (!slice.done) continue
      const durationMs = performance.now() - started
      this.#duration.observe(durationMs / 1000)
      return { primes: slice.value, durationMs }
    }
  }
}

/** How long the caller waits: until it leaves, or its own time is over. */
class Patience {
  readonly #caller: Caller
  readonly #over = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined

  constructor(caller: Caller) {
    this.#caller = caller
    const stop = () => this.#over.abort()
    const ms = caller.deadlineAt - performance.now()
    if (Number.isFinite(ms)) this.#timer = setTimeout(stop, Math.max(ms, 0))
    if (caller.signal.aborted) stop()
    else caller.signal.addEventListener('abort', stop, { once: true })
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** @throws {Problem} where it is over */
  check(): void {
    if (this.#caller.signal.aborted) throw new Problem(errors.caller_left)
    if (!this.signal.aborted && performance.now() < this.#caller.deadlineAt) return
    throw new Problem(errors.microservice_timeout, { detail: 'the caller’s x-timeout-ms ran out' })
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
