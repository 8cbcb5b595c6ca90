import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Histogram } from './histogram.ts'

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram()
  for (const ms of values) histogram.add(ms)
  return histogram
}

it('counts each in the first bucket it fits in, and what fits in none apart', () => {
  const times = fc.array(fc.double({ min: 0, max: 20_000, noNaN: true }), { maxLength: 50 })
  fc.assert(
    fc.property(times, (values) => {
      const { boundsMs, counts } = of(values)
      const expected = [...boundsMs, Number.POSITIVE_INFINITY].map(
        (upper, at) => values.filter((ms) => ms <= upper && (at === 0 || ms > (boundsMs[at - 1] as number))).length,
      )
      expect(counts).toEqual(expected)
    }),
  )
})

it('has the same in fewer buckets', () => {
  const { coarse, counts, boundsMs, sumMs } = of([0, 1, 1.5, 10_000, 10_001, 60_000])
  expect(coarse.counts).toEqual([2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
  expect(coarse.boundsMs.every((bound) => boundsMs.includes(bound))).toBe(true)
  expect(counts).toHaveLength(boundsMs.length + 1)
  expect(sumMs).toBe(80_003.5)
})
