import { describe, expect, it } from 'vitest'
import { Overload, type Rank } from './overload.ts'

/** What a refusal costs beside an answer. */
const REFUSAL = 0.1
const PATIENCE_MS = 1_000
const LASTS_MS = 60_000

interface Asked {
  at: number
  rank: Rank | 'probe'
}

interface Conditions {
  /** Of what can be answered, by the millisecond. */
  load: (ms: number) => number
  lagMs: number
  signedIn: number
  /**
   * `kept`: the process works in rounds, as an event loop does: what came meanwhile is the next round. `own`: each turn of
   * the loop accepts one connection, as libuv does, and serves what came on the one before; a probe every 100 ms says how
   * long they wait for it.
   */
  connections: 'kept' | 'own'
}

/** A process of one thread in virtual time, which answers 1,000 requests a second. Its clients do not wait for answers. */
class Process {
  readonly shares: number[] = []
  readonly lags: number[] = []
  readonly answered: Record<Rank, number> = { public: 0, 'signed-in': 0 }
  readonly asked: Record<Rank, number> = { public: 0, 'signed-in': 0 }
  readonly #conditions: Conditions
  readonly #overload: Overload
  readonly #chance = seeded()
  #now = 0
  #nextAt = 0
  #lookedAt = 0
  #waiting: Asked[] = []
  #accepted: Asked[] = []
  #probe: Asked | undefined
  #probedAt = 0
  #waitedMs = 0

  constructor(conditions: Conditions) {
    this.#conditions = conditions
    this.#overload = new Overload({ lagMs: conditions.lagMs, inFlight: 0 })
  }

  turn(): number {
    this.#arrive()
    if (this.#now - this.#lookedAt >= 20) this.#look()
    const round = this.#round()
    // Idle, until the next one comes or the process looks at itself.
    const idle = round.length === 0 && this.#accepted.length === 0
    if (idle) this.#now = Math.max(this.#now + 0.1, Math.min(this.#nextAt, this.#lookedAt + 20))
    for (const { at, rank } of round) {
      if (rank === 'probe') {
        this.#waitedMs = this.#now - at
        this.#probe = undefined
      } else this.#serve(at, rank)
    }
    return this.#now
  }

  #round(): Asked[] {
    if (this.#conditions.connections === 'own') {
      const round = this.#accepted
      this.#accepted = this.#waiting.splice(0, 1)
      return round
    }
    const round = this.#waiting
    this.#waiting = []
    return round
  }

  #arrive(): void {
    const { load, signedIn } = this.#conditions
    while (this.#nextAt <= this.#now) {
      this.#waiting.push({ at: this.#nextAt, rank: this.#chance() < signedIn ? 'signed-in' : 'public' })
      this.#nextAt += -Math.log(1 - this.#chance()) / load(this.#nextAt)
    }
  }

  #look(): void {
    const sinceMs = this.#now - this.#lookedAt
    this.#lookedAt = this.#now
    if (this.#conditions.connections === 'own' && !this.#probe && this.#now - this.#probedAt >= 100) {
      this.#probedAt = this.#now
      this.#probe = { at: this.#now, rank: 'probe' }
      this.#waiting.push(this.#probe)
    }
    const lateMs = Math.max(sinceMs - 20, this.#waitedMs, this.#probe ? this.#now - this.#probe.at : 0)
    this.#overload.observe({ lateMs, sinceMs, inFlight: this.#waiting.length })
    this.shares.push(this.#overload.share)
    if (this.#counts) this.lags.push(lateMs)
  }

  #serve(at: number, rank: Rank): void {
    if (this.#counts) this.asked[rank]++
    if (this.#overload.refuses(rank, this.#chance())) {
      this.#now += REFUSAL
      return
    }
    this.#now += 1
    if (this.#counts && this.#now - at <= PATIENCE_MS) this.answered[rank]++
  }

  get #counts(): boolean {
    return this.#now > LASTS_MS / 2
  }
}

/** A minute, of which the second half counts. An answer after more than 1 s is for nobody. */
function trial(load: number | ((ms: number) => number), conditions: Partial<Conditions> = {}) {
  const process = new Process({
    lagMs: 250,
    signedIn: 0.5,
    connections: 'kept',
    ...conditions,
    load: typeof load === 'number' ? () => load : load,
  })
  while (process.turn() < LASTS_MS);
  const { answered, asked, shares, lags } = process
  const rate = (rank: Rank) => answered[rank] / Math.max(1, asked[rank])
  lags.sort((one, other) => one - other)
  const lag = (quantile: number) => lags[Math.floor(quantile * lags.length)] as number
  return { goodput: (answered.public + answered['signed-in']) / (LASTS_MS / 2), rate, shares, lag }
}

function seeded(): () => number {
  let state = 42
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

/** What can be answered at most where each refusal takes time, too. */
const best = (load: number) => (1 - REFUSAL * load) / (1 - REFUSAL)

describe.each(['kept', 'own'] as const)('an overloaded process, its clients’ connections %s,', (connections) => {
  it('answers nobody in time where it refuses nothing', () => {
    expect(trial(3, { connections, lagMs: 0 }).goodput).toBe(0)
  })

  it.each([1.2, 1.5, 2, 3, 5])('that refuses keeps to what it can do, at %f times that', (load) => {
    const { goodput, lag } = trial(load, { connections })
    expect(goodput).toBeGreaterThan(0.95 * best(load))
    // And near its limit, wherever in its rounds the lag is looked at.
    expect(lag(0.5)).toBeGreaterThan(200)
    expect(lag(0.99)).toBeLessThan(400)
  })

  it('refuses public routes first: those who are signed in notice nothing at one and a half times what it can do', () => {
    const { rate } = trial(1.5, { connections })
    expect(rate('signed-in')).toBeGreaterThan(0.99)
    expect(rate('public')).toBeLessThan(0.4)
  })

  it('refuses those who are signed in, too, where nobody else is left', () => {
    expect(trial(3, { connections, signedIn: 1 }).goodput).toBeGreaterThan(0.95 * best(3))
    expect(trial(3, { connections, signedIn: 0 }).goodput).toBeGreaterThan(0.95 * best(3))
  })

  it.each([0.3, 0.9])('never refuses anybody at %f times what it can do', (load) => {
    const { shares, goodput } = trial(load, { connections })
    expect(Math.max(...shares)).toBe(0)
    expect(goodput).toBeGreaterThan(0.95 * load)
  })

  it('takes everybody again when it is over', () => {
    const { shares } = trial((ms) => (ms < 20_000 ? 3 : 0.5), { connections })
    expect(Math.max(...shares)).toBeGreaterThan(0.5)
    expect(shares.at(-1)).toBe(0)
  })
})

describe('what is refused', () => {
  const calm = { lateMs: 0, sinceMs: 20, inFlight: 0 }

  it('rises while the lag is beyond its limit, at once and more with time, and falls as fast', () => {
    const overload = new Overload({ lagMs: 100, inFlight: 0 })
    const told = (lateMs: number, times: number) => {
      for (let n = 0; n < times; n++) overload.observe({ lateMs, sinceMs: 20, inFlight: 0 })
      return overload.share
    }
    expect(told(100, 200)).toBe(0)
    const atOnce = told(200, 2)
    expect(atOnce).toBeGreaterThan(0.2)
    const risen = told(200, 100)
    expect(risen).toBeGreaterThan(atOnce + 0.2)
    expect(told(100, 100)).toBeCloseTo(risen - 0.25, 1)
    expect(told(0, 200)).toBe(0)
  })

  it('is nothing for one long pause, nor for a process that was stopped for an hour', () => {
    for (const sinceMs of [300, 3_600_000]) {
      const overload = new Overload({ lagMs: 500, inFlight: 0 })
      overload.observe({ ...calm, lateMs: sinceMs - 20, sinceMs })
      for (let n = 0; n < 20; n++) overload.observe(calm)
      expect(overload.share).toBeLessThan(0.4)
      expect(overload.refuses('signed-in', 0)).toBe(false)
    }
  })

  it('goes by how many are under way, from half of the limit on to all of it', () => {
    const overload = new Overload({ lagMs: 0, inFlight: 100 })
    const at = (inFlight: number) => {
      overload.observe({ ...calm, inFlight })
      return [overload.share, overload.refuses('public', 0.5), overload.refuses('signed-in', 0.5)]
    }
    expect(at(50)).toEqual([0, false, false])
    expect(at(75)).toEqual([0.5, true, false])
    expect(at(100)).toEqual([1, true, true])
    expect(at(10)).toEqual([0, false, false])
  })

  it('is nothing where nothing is bounded', () => {
    const overload = new Overload({ lagMs: 0, inFlight: 0 })
    for (let n = 0; n < 100; n++) overload.observe({ lateMs: 5_000, sinceMs: 5_000, inFlight: 1e6 })
    expect(overload.share).toBe(0)
  })
})
