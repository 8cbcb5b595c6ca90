import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ramp } from './slow-start.ts'

it('counts a tenth of the weight at first and all of it after 30 s', () => {
  expect([0, 15_000, 30_000, 1e9].map((after) => ramp(500, 500 + after))).toEqual([0.1, 0.55, 1, 1])
  expect(ramp(Number.NEGATIVE_INFINITY, 0)).toBe(1)
})

it('never falls, and is never under a tenth or over the whole', () => {
  fc.assert(
    fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (since, now, later) => {
      const [before, after] = [ramp(since, now), ramp(since, now + later)]
      expect(before >= 0.1 && before <= after && after <= 1).toBe(true)
    }),
  )
})
