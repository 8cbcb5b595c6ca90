import { expect, it } from 'vitest'
import { circumstances, counted, sample, weighing } from '../../test/candidates.ts'
import { seeded } from '../simulation/chance.ts'
import { prequal } from './prequal.ts'

/** An endpoint that said so just now. */
function saying(at: number, inFlight: number, latencyMs: number) {
  return sample(at, { said: { inFlight, latencyMs, at: 0 } })
}

it('chooses the fastest of those that are not hot', () => {
  const candidates = [saying(0, 50, 1), saying(1, 2, 20), saying(2, 2, 10)]
  expect(prequal().choose(candidates, circumstances())).toBe(2)
})

it('counts what it sent since an endpoint last spoke, so that one word does not draw a crowd', () => {
  const candidates = [saying(0, 2, 20), saying(1, 2, 10), saying(2, 2, 20)]
  const policy = prequal()
  const counts = counted(3, 30, () => policy.choose(candidates, circumstances()))
  expect(Math.max(...counts)).toBeLessThan(15)
})

it('believes what it measured when an endpoint says nothing, or nothing for a second', () => {
  const silent = sample(0, { latency: () => 5 })
  const stale = sample(1, { latency: () => 4, said: { inFlight: 90, latencyMs: 900, at: 0 } })
  const fresh = sample(2, { said: { inFlight: 0, latencyMs: 30, at: 1500 } })
  expect(prequal().choose([silent, stale, fresh], circumstances({ now: 1500 }))).toBe(1)
  expect(prequal().choose([silent, stale, fresh], circumstances({ now: 900 }))).toBe(0)
})

it('does not believe an endpoint that says it is fast and idle, and fails', () => {
  const failing = sample(0, { latency: () => 5000, said: { inFlight: 0, latencyMs: 1, at: 0 } })
  const candidates = [failing, saying(1, 20, 40), saying(2, 30, 30)]
  const policy = prequal()
  const around = circumstances()
  expect(counted(3, 20, () => policy.choose(candidates, around))[0]).toBe(0)
})

it('reaches every one of many endpoints that look the same', () => {
  const candidates = Array.from({ length: 100 }, (_, at) => sample(at))
  const policy = prequal()
  const around = circumstances({ random: seeded(5) })
  const counts = counted(100, 3000, () => policy.choose(candidates, around))
  expect(Math.min(...counts)).toBeGreaterThan(0)
  expect(Math.max(...counts)).toBeLessThan(100)
})

it('gives a lighter endpoint its part also where there is little to do', () => {
  const candidates = weighing([1, 2, 5])
  const policy = prequal()
  const around = circumstances()
  let looks = 0
  const counts = counted(3, 8000, () => {
    for (const idle of candidates) {
      idle.said = { inFlight: 0, latencyMs: 5 + 10 * around.random(), at: ++looks / 1e6 }
    }
    return policy.choose(candidates, around)
  })
  // By chance of taking part it is a little less than 1000 and 2000.
  for (const [at, weight] of [1, 2, 5].entries()) expect((counts[at] ?? 0) / weight).toBeGreaterThan(600)
})

it('chooses among those that are there, whoever was there before', () => {
  const candidates = Array.from({ length: 10 }, (_, at) => saying(at, 1, 10 + at))
  const policy = prequal()
  const around = circumstances()
  for (let choice = 0; choice < 50; choice++) {
    expect(policy.choose(candidates, around)).toBeLessThan(10)
    expect(policy.choose(candidates.slice(7), around)).toBeLessThan(3)
  }
})
