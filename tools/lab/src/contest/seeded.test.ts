import { expect, it } from 'vitest'
import { exponential, seeded } from './seeded.ts'

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
  const times = Array.from({ length: 20_000 }, () => exponential(random, 5))
  const average = mean(times)
  expect(average / 5).toBeCloseTo(1, 1)
  expect(Math.sqrt(mean(times.map((time) => (time - average) ** 2))) / 5).toBeCloseTo(1, 1)
  expect(Math.min(...times)).toBeGreaterThanOrEqual(0)
})
