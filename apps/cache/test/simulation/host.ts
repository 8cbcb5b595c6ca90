/** A machine in virtual time: a clock that drifts, timers of its own, and a process that can be stopped, resumed and killed. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import type { Timeline } from './timeline.ts'

/** Whose code runs: promises and listeners keep it. */
const running = new AsyncLocalStorage<Host>()

export class Host {
  readonly name: string
  readonly #timeline: Timeline
  readonly #rate: number
  readonly #booted: number
  #state: 'running' | 'stopped' | 'dead' = 'running'
  #held: { lane: object; act: () => void }[] = []

  /** `rate`: how fast its clock and its timers run, 1 for true. */
  constructor(name: string, timeline: Timeline, rate: number) {
    this.name = name
    this.#timeline = timeline
    this.#rate = rate
    this.#booted = 1000 + 1000 * timeline.random()
  }

  /** Its monotonic clock, which goes on while it is stopped. */
  readonly clock = (): number => this.#booted + this.#rate * this.#timeline.now

  get alive(): boolean {
    return this.#state !== 'dead'
  }

  /** Its process does that: now, or once it is resumed, or never. Those of one lane, a connection say, keep their order. */
  do(act: () => void, lane: object = {}): void {
    if (this.#state === 'running') running.run(this, act)
    else if (this.#state === 'stopped') this.#held.push({ lane, act })
  }

  random(): number {
    return this.#timeline.random()
  }

  /** SIGSTOP, and SIGCONT `ms` later. */
  stop(ms: number): void {
    if (this.#state !== 'running') return
    this.#state = 'stopped'
    this.#timeline.at(this.#timeline.now + ms, () => this.#resume())
  }

  kill(): void {
    this.#state = 'dead'
    this.#held = []
  }

  /** Returns what cancels it. */
  after(ms: number, act: () => void): () => void {
    let due = true
    const fire = () => {
      if (!due) return
      due = false
      act()
    }
    this.#timeline.at(this.#timeline.now + Math.max(1, ms) / this.#rate, () => due && this.do(fire))
    return () => {
      due = false
    }
  }

  #resume(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    const held = this.#held.splice(0)
    // What a process finds first when it goes on is chance, but within a lane.
    for (const lane of this.#shuffled(held.map(({ lane }) => lane))) {
      const [next] = held.splice(
        held.findIndex((one) => one.lane === lane),
        1,
      )
      if (next) this.#timeline.at(this.#timeline.now, () => this.do(next.act, next.lane))
    }
  }

  #shuffled<T>(things: readonly T[]): T[] {
    return things
      .map((thing) => ({ thing, place: this.random() }))
      .sort((one, other) => one.place - other.place)
      .map(({ thing }) => thing)
  }
}

/**
 * From now on the timers of Node are those of the host whose code asks for them, and so is its randomness; everybody
 * else's stay what they are. So the code that is tried is the code that runs, and knows nothing of it.
 */
export function giveHostsTheirTimers(): void {
  const real = { setTimeout, clearTimeout, delay: timers.setTimeout, timeout: AbortSignal.timeout, random: Math.random }
  const hosted = (act: () => void, ms = 0, ...rest: unknown[]) => {
    const host = running.getStore()
    return host ? host.after(ms, act) : Reflect.apply(real.setTimeout, undefined, [act, ms, ...rest])
  }
  const cleared = (timer?: unknown) => (typeof timer === 'function' ? timer() : real.clearTimeout(timer as number))
  const delay = <T>(ms = 0, value?: T, options: { signal?: AbortSignal } = {}) => {
    const host = running.getStore()
    if (!host) return real.delay(ms, value, options)
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>()
    const cancel = host.after(ms, () => resolve(value))
    const abort = () => {
      cancel()
      reject(options.signal?.reason)
    }
    if (options.signal?.aborted) abort()
    else options.signal?.addEventListener('abort', abort, { once: true })
    return promise
  }
  const timeout = (ms: number) => {
    const host = running.getStore()
    if (!host) return real.timeout.call(AbortSignal, ms)
    const late = new AbortController()
    host.after(ms, () => late.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')))
    return late.signal
  }
  Object.assign(globalThis, { setTimeout: hosted, clearTimeout: cleared })
  Object.assign(AbortSignal, { timeout })
  Object.assign(timers, { setTimeout: delay })
  Math.random = () => running.getStore()?.random() ?? real.random()
  syncBuiltinESMExports()
}
