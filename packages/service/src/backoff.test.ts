import { expect, it } from 'vitest'
import { nextCrash } from './backoff.ts'

it('waits 0.5 s, then twice as long each time, 10 s at most', () => {
  let count = 0
  const delays = Array.from({ length: 7 }, () => {
    const crash = nextCrash(count, 59_999)
    count = crash.count
    return crash.delayMs
  })
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
})

it('begins anew after a steady minute', () => {
  expect(nextCrash(6, 60_000)).toEqual({ count: 1, delayMs: 500 })
})
