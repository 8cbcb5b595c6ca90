import fc from 'fast-check'
import { expect, it } from 'vitest'
import { quantile } from './quantile.ts'

const BOUNDS = [1, 10, 100]

it('lies where its share of a bucket does', () => {
  expect(quantile([0, 10, 0, 0], BOUNDS, 0.5)).toBe(5.5)
  expect(quantile([5, 5, 0, 0], BOUNDS, 0.5)).toBe(1)
  expect(quantile([0, 1, 99, 0], BOUNDS, 0.99)).toBe(99.091)
})

it('is the last bound where it is beyond it, and nothing without values', () => {
  expect(quantile([1, 0, 0, 99], BOUNDS, 0.5)).toBe(100)
  expect(quantile([0, 0, 0, 0], BOUNDS, 0.5)).toBeUndefined()
  expect(quantile([], [], 0.5)).toBeUndefined()
})

it('is in the bucket of the value that has its rank', () => {
  const ms = fc.array(fc.double({ min: 0.001, max: 100, noNaN: true }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(ms, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, q) => {
      const bucket = (value: number) => BOUNDS.findIndex((bound) => value <= bound)
      const counts = BOUNDS.map((_, at) => values.filter((value) => bucket(value) === at).length)
      const exact = values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1] as number
      const found = quantile([...counts, 0], BOUNDS, q) as number
      const at = bucket(exact)
      expect(found).toBeLessThanOrEqual((BOUNDS[at] as number) + 0.001)
      expect(found).toBeGreaterThanOrEqual((BOUNDS[at - 1] ?? 0) - 0.001)
    }),
  )
})
