import { expect, it } from 'vitest'
import { sampleOf } from './policies.ts'

it('sets both policies beside each other, and tells the gain in points', () => {
  const ratio = { row: 'loop', lru: { requests: 0.5, bytes: 0.25 }, s3: { requests: 0.75, bytes: 0.5 } }
  const figures = { lru: 0.5, s3: 0.75, gain: 25, lruBytes: 0.25, s3Bytes: 0.5 }
  expect(sampleOf(ratio, 2)).toEqual({ row: 'loop', round: 2, figures, faults: [] })
})
