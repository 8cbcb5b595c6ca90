import { expect, it } from 'vitest'
import { sampleOf } from './faults.ts'

const ROW = {
  ...{ fault: 'the cache service killed', readsPerSecond: 2000, hits: 80, failedReads: 0, staleReads: 0 },
  ...{ slowestReadMs: 40, unconfirmedWrites: 0, slowestWriteMs: 2100, recoveredAfterMs: 300 },
}

it('believes no row with a stale read', () => {
  expect(sampleOf(ROW, 1)).toMatchObject({ row: ROW.fault, figures: { reads: 2000, recovered: 300 }, faults: [] })
  expect(sampleOf({ ...ROW, staleReads: 2 }, 1).faults).toEqual(['2 stale reads'])
})
