import { expect, it } from 'vitest'
import { circumstances, counted, sample, weighing } from '../../test/candidates.ts'
import { PeakEwma } from '../latency.ts'
import { p2cEwma } from './p2c-ewma.ts'

it('never chooses the one with the highest cost, since any other it is drawn with is better', () => {
  const fast = sample(0, { latency: () => 10, inFlight: 1 })
  const busy = sample(1, { latency: () => 10, inFlight: 9 })
  const slow = sample(2, { latency: () => 101, inFlight: 0 })
  const around = circumstances()
  const policy = p2cEwma()
  const [first = 0, second = 0, third] = counted(3, 3000, () => policy.choose([fast, busy, slow], around))
  expect(third).toBe(0)
  expect(first).toBeGreaterThan(second)
  expect(second).toBeGreaterThan(800)
})

it('fills equally fast endpoints as their weights say', () => {
  const candidates = weighing([1, 2, 5])
  const policy = p2cEwma()
  const around = circumstances()
  for (let request = 0; request < 800; request++) {
    const chosen = candidates[policy.choose(candidates, around)]
    if (chosen) chosen.inFlight++
  }
  const [one = 0, two = 0, five = 0] = candidates.map(({ inFlight }) => inFlight)
  expect(Math.abs(one - 100)).toBeLessThan(20)
  expect(Math.abs(two - 200)).toBeLessThan(30)
  expect(Math.abs(five - 500)).toBeLessThan(50)
})

it('asks for the latency as it is now', () => {
  const recovering = sample(0, { latency: (now) => 5000 * Math.exp(-now / 10_000) })
  const steady = sample(1)
  expect(p2cEwma().choose([recovering, steady], circumstances({ now: 0 }))).toBe(1)
  expect(p2cEwma().choose([recovering, steady], circumstances({ now: 60_000 }))).toBe(0)
})

it('does not rush at an endpoint that was idle for long, and now does not answer', () => {
  const now = 300_000
  const silent = new PeakEwma()
  const idle = sample(0, { latency: (at) => silent.at(at) })
  const busy = [1, 2].map((at) => sample(at, { latency: () => 5, inFlight: 3 }))
  const policy = p2cEwma()
  const around = circumstances({ now })
  for (let request = 0; request < 1000; request++) {
    if (policy.choose([idle, ...busy], around) !== 0) continue
    idle.inFlight++
    silent.sent(now)
  }
  expect(idle.inFlight).toBe(1)
})
