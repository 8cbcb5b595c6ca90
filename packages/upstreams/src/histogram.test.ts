import { expect, it } from 'vitest'
import { Histogram } from './histogram.ts'

it('counts each in the first bucket it fits in, and what fits in none apart', () => {
  const histogram = new Histogram()
  for (const ms of [0, 1, 1.5, 10_000, 10_001, 60_000]) histogram.add(ms)
  expect(histogram.counts).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
  expect(histogram.counts).toHaveLength(histogram.boundsMs.length + 1)
  expect(histogram.sumMs).toBe(80_003.5)
})
