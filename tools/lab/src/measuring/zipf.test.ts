import { seeded } from '@spillway/upstreams/simulation'
import { expect, it } from 'vitest'
import { zipf } from './zipf.ts'

const DRAWN = 100_000

function drawn(count: number, exponent: number): number[] {
  const [random, rank] = [seeded(1), zipf(count, exponent)]
  const times = new Array<number>(count).fill(0)
  for (const at of Array.from({ length: DRAWN }, () => rank(random))) times[at] = (times[at] ?? 0) + 1
  return times
}

it('gives each rank its share', () => {
  const times = drawn(100, 0.99)
  const all = times.map((_, rank) => (rank + 1) ** -0.99).reduce((sum, weight) => sum + weight)
  for (const rank of [0, 1, 9, 99]) expect((times[rank] ?? 0) / DRAWN).toBeCloseTo((rank + 1) ** -0.99 / all, 2)
})

it('gives all the same where the exponent is 0', () => {
  for (const times of drawn(10, 0)) expect(times / DRAWN).toBeCloseTo(0.1, 2)
})

it('never leaves its ranks, at either end of chance', () => {
  const rank = zipf(3, 1)
  expect([rank(() => 0), rank(() => 1 - Number.EPSILON)]).toEqual([0, 2])
})
