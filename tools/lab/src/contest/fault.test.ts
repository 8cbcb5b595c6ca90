import { expect, it } from 'vitest'
import { stallLeft } from './fault.ts'

it('a stalling upstream stalls for 1 s of every 10 s, first within the shortest load', () => {
  const asleep = Array.from({ length: 20_000 }, (_, ms) => ms).filter((ms) => stallLeft(ms) > 0)
  expect(asleep).toHaveLength(2000)
  expect(asleep[0]).toBeLessThan(1000)
  expect((asleep[1000] as number) - (asleep[0] as number)).toBe(10_000)
})

it('it goes on when the stall is over, neither before nor after', () => {
  const start = Array.from({ length: 1000 }, (_, ms) => ms).find((ms) => stallLeft(ms) > 0) as number
  expect(stallLeft(start)).toBe(1000)
  expect(stallLeft(start + 400)).toBe(600)
  expect(stallLeft(start + 1000)).toBe(0)
})
