import { expect, it } from 'vitest'
import { exponential, percentile, seeded } from './chance.ts'

const many = (seed: number, count = 20_000) => {
  const random = seeded(seed)
  return Array.from({ length: count }, () => random())
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

it('the same seed gives the same numbers, another one others', () => {
  expect(many(1, 5)).toEqual(many(1, 5))
  expect(many(1, 5)).not.toEqual(many(2, 5))
})

it('numbers lie from 0 to 1, evenly', () => {
  const numbers = many(3)
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  expect(mean(numbers)).toBeCloseTo(0.5, 1)
})

it('waiting times have the mean asked for, and the variance of a process without memory', () => {
  const random = seeded(4)
  const times = Array.from({ length: 20_000 }, () => exponential(5)(random))
  const average = mean(times)
  expect(average / 5).toBeCloseTo(1, 1)
  expect(Math.sqrt(mean(times.map((time) => (time - average) ** 2))) / 5).toBeCloseTo(1, 1)
  expect(Math.min(...times)).toBeGreaterThanOrEqual(0)
})

it('takes the percentile by nearest rank', () => {
  expect([0, 0.5, 0.99, 1].map((share) => percentile([4, 1, 3, 2], share))).toEqual([1, 2, 4, 4])
})
