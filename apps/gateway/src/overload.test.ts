import { describe, expect, it } from 'vitest'
import { Overload, type Rank } from './overload.ts'

/** What a refusal costs beside an answer. */
const REFUSAL = 0.1
const PATIENCE_MS = 1_000

interface Asked {
  at: number
  rank: Rank
}

/**
 * A process of one thread in virtual time, which answers 1,000 requests a second in rounds, as an event loop does: what came
 * meanwhile is the next round. Clients ask at `load` times that rate, for half a minute, without waiting for answers; an
 * answer after more than 1 s is for nobody. Counts the second half of the time.
 *
 * @param load by the millisecond
 */
function trial(load: number | ((ms: number) => number), { lagMs = 250, signedIn = 0.5 } = {}) {
  const chance = seeded()
  const overload = new Overload({ lagMs, inFlight: 0 })
  const answered: Record<Rank, number> = { public: 0, 'signed-in': 0 }
  const asked: Record<Rank, number> = { public: 0, 'signed-in': 0 }
  const shares: number[] = []
  let waiting: Asked[] = []
  let [now, next, lookedAt] = [0, 0, 0]
  const counts = () => now > 30_000
  const serve = ({ at, rank }: Asked) => {
    if (counts()) asked[rank]++
    if (overload.refuses(rank, chance())) {
      now += REFUSAL
      return
    }
    now += 1
    if (counts() && now - at <= PATIENCE_MS) answered[rank]++
  }
  while (now < 60_000) {
    while (next <= now) {
      waiting.push({ at: next, rank: chance() < signedIn ? 'signed-in' : 'public' })
      next += -Math.log(1 - chance()) / (typeof load === 'number' ? load : load(next))
    }
    const sinceMs = now - lookedAt
    if (sinceMs >= 20) {
      overload.observe({ lateMs: sinceMs - 20, sinceMs, inFlight: waiting.length })
      lookedAt = now
      shares.push(overload.share)
    }
    const round = waiting
    waiting = []
    // Idle, until the next one comes or the process looks at itself.
    if (round.length === 0) now = Math.max(now + 0.1, Math.min(next, lookedAt + 20))
    for (const each of round) serve(each)
  }
  const rate = (rank: Rank) => answered[rank] / Math.max(1, asked[rank])
  return { goodput: (answered.public + answered['signed-in']) / 30_000, rate, shares, overload }
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

describe('an overloaded process', () => {
  it('answers nobody in time where it refuses nothing', () => {
    expect(trial(3, { lagMs: 0 }).goodput).toBe(0)
  })

  it.each([1.2, 1.5, 2, 3, 5])('that refuses keeps to nearly what it can do, at %f times that', (load) => {
    expect(trial(load).goodput).toBeGreaterThan(0.8 * best(load))
  })

  it('refuses public routes first: those who are signed in notice nothing at one and a half times what it can do', () => {
    const { rate } = trial(1.5)
    expect(rate('signed-in')).toBeGreaterThan(0.95)
    expect(rate('public')).toBeLessThan(0.4)
  })

  it('refuses those who are signed in, too, where nobody else is left', () => {
    expect(trial(3, { signedIn: 1 }).goodput).toBeGreaterThan(0.8 * best(3))
    expect(trial(3, { signedIn: 0 }).goodput).toBeGreaterThan(0.8 * best(3))
  })

  it.each([0.3, 0.9])('never refuses anybody at %f times what it can do', (load) => {
    const { shares, goodput } = trial(load)
    expect(Math.max(...shares)).toBe(0)
    expect(goodput).toBeGreaterThan(0.95 * load)
  })

  it('takes everybody again when it is over', () => {
    const { shares } = trial((ms) => (ms < 20_000 ? 3 : 0.5))
    expect(Math.max(...shares)).toBeGreaterThan(0.5)
    expect(shares.at(-1)).toBe(0)
  })
})

describe('what is refused', () => {
  const calm = { lateMs: 0, sinceMs: 20, inFlight: 0 }

  it('rises step by step and falls more slowly, with a stretch between in which it stays', () => {
    const overload = new Overload({ lagMs: 100, inFlight: 0 })
    const told = (lateMs: number, times: number) => {
      const before = overload.share
      for (let n = 0; n < times; n++) overload.observe({ lateMs, sinceMs: 20, inFlight: 0 })
      return overload.share - before
    }
    told(100, 200)
    expect(overload.share).toBe(0)
    const risen = told(200, 100)
    expect(risen).toBeGreaterThan(0.3)
    expect(told(75, 1)).toBeLessThan(0.02)
    told(75, 60)
    expect(told(75, 100)).toBe(0)
    told(0, 30)
    const fallen = -told(0, 100)
    expect(fallen).toBeGreaterThan(0)
    expect(fallen).toBeLessThan(risen / 2)
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
