import { expect, it } from 'vitest'
import { middleOf, percentile, spreadOf } from './spread.ts'

it('the median is the value in the middle, or between the two there', () => {
  expect(spreadOf([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30 })
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 })
  expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 })
  expect(spreadOf([])).toEqual({ median: Number.NaN, min: Number.NaN, max: Number.NaN })
})

it('a percentile is a value that was seen', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1)
  expect([0.5, 0.99, 0.999, 1].map((share) => percentile(hundred, share))).toEqual([50, 99, 100, 100])
  expect(percentile([], 0.99)).toBe(0)
})

it('the middle of many values lies within ranks that need no word on how they are spread', () => {
  const hundred = Array.from({ length: 101 }, (_, index) => index)
  expect(middleOf(hundred)).toEqual({ median: 50, between: [40, 60] })
  expect(middleOf([3, 1, 2])).toEqual({ median: 2, between: [1, 3] })
})
