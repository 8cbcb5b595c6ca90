import { expect, it } from 'vitest'
import { restMs } from './backoff.ts'

it('doubles the rest with each failure, up to a minute', () => {
  expect([1, 2, 3, 7, 40].map((failed) => restMs(failed, () => 1))).toEqual([1000, 2000, 4000, 60_000, 60_000])
})

it('leaves half of it to chance', () => {
  expect(restMs(2, () => 0)).toBe(1000)
  expect(restMs(2, () => 0.5)).toBe(1500)
})
