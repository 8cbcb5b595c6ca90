import { expect, it } from 'vitest'
import { sampleOf } from './skewed.ts'

const LOAD = {
  ...{ seconds: 10, requests: 1000, good: 1000, failures: {}, late: 1, p50: 1, p99: 50, p999: 60, max: 70 },
  from: { l1: 600, l2: 200, stale: 100, waited: 60, origin: 40 },
}
const COUNTS = { reads: 140, unchanged: 100, most: 2 }

it('counts as a hit whatever a client did not wait for the origin for, stale answers too', () => {
  expect(sampleOf('all', 1, LOAD, COUNTS)).toEqual({
    ...{ row: 'all', round: 1, doubts: [], faults: [] },
    figures: {
      ...{ hits: 0.9, l1: 0.6, l2: 0.2, stale: 0.1, waiting: 0.1, calls: 14, unchanged: 10 },
      ...{ p50: 1, p99: 50, p999: 60 },
    },
  })
})

it('doubts times where the client was late, and believes nothing where requests failed', () => {
  expect(sampleOf('all', 1, { ...LOAD, late: 6 }, COUNTS).doubts).toHaveLength(1)
  expect(sampleOf('all', 1, { ...LOAD, failures: { 503: 2 } }, COUNTS).faults).toEqual(['2 x 503'])
})
