import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PeakEwma } from './latency.ts'

it('takes a new endpoint for the fastest, and for 30 ms as soon as it has a request', () => {
  const latency = new PeakEwma()
  expect(latency.at(7)).toBe(0)
  latency.sent(7)
  expect(latency.at(7)).toBe(30)
  latency.answered(8, 100)
  expect(latency.at(8)).toBe(100)
})

it('rises at once to a slow answer, and comes down in tens of seconds', () => {
  const latency = new PeakEwma()
  latency.answered(0, 100)
  latency.answered(1, 1000)
  expect(latency.at(1)).toBe(1000)
  latency.answered(10_001, 100)
  expect(latency.at(10_001)).toBeCloseTo(100 + 900 / Math.E)
  for (let now = 10_001; now < 200_000; now += 10) latency.answered(now, 100)
  expect(latency.at(200_000)).toBeCloseTo(100, 0)
})

it('counts what fails at once as 5 s, and what failed later as that', () => {
  const latency = new PeakEwma()
  latency.failed(0, 1)
  expect(latency.at(0)).toBe(5000)
  latency.failed(0, 15_000)
  expect(latency.at(0)).toBe(15_000)
})

it('decays towards 0 while nothing is heard, so that what was slow is tried again', () => {
  const latency = new PeakEwma()
  latency.failed(0, 1)
  expect(latency.at(10_000)).toBeCloseTo(5000 / Math.E)
  expect(latency.at(52_000)).toBeLessThan(30)
})

it('takes an endpoint that was silent for long for 30 ms as soon as a request is on its way', () => {
  const latency = new PeakEwma()
  latency.answered(0, 2)
  expect(latency.at(60_000)).toBeLessThan(0.1)
  latency.sent(60_000)
  expect(latency.at(60_000)).toBe(30)
  latency.answered(60_002, 2)
  latency.sent(60_003)
  expect(latency.at(60_003)).toBeLessThan(30)
})

it('counts the silence of one that does not answer, while a request is on its way and could be answered yet', () => {
  const latency = new PeakEwma()
  latency.answered(0, 100)
  latency.sent(1000, true)
  latency.sent(1500)
  expect(latency.at(1050, true)).toBeLessThan(100)
  expect(latency.at(4000, true)).toBe(3000)
  // Whoever waited has left.
  expect(latency.at(4000, false)).toBeLessThan(100)
  // And what came before is not counted against the next.
  latency.sent(5000, true)
  expect(latency.at(5010, true)).toBeLessThan(100)
  expect(latency.at(25_000, true)).toBeLessThan(100)
  latency.answered(25_001, 20)
  expect(latency.at(26_000, true)).toBeLessThan(100)
})

it('lies between 0 and the slowest answer, never changes by being read, and bears a clock that steps back', () => {
  const answers = fc.array(fc.record({ now: fc.nat(100_000), ms: fc.nat(60_000), read: fc.boolean() }))
  fc.assert(
    fc.property(answers, (given) => {
      const latency = new PeakEwma()
      const unread = new PeakEwma()
      let slowest = 30
      for (const { now, ms, read } of given) {
        if (read) latency.at(now)
        latency.answered(now, ms)
        unread.answered(now, ms)
        slowest = Math.max(slowest, ms)
        expect(latency.at(now)).toBe(unread.at(now))
        expect(latency.at(now)).toBeGreaterThanOrEqual(0)
        expect(latency.at(now)).toBeLessThanOrEqual(slowest + 1e-6)
      }
    }),
  )
})
