import fc from 'fast-check'
import { expect, it } from 'vitest'
import { circumstances, counted, weighing, weights } from '../../test/candidates.ts'
import { seeded } from '../simulation/chance.ts'
import { roundRobin } from './round-robin.ts'

it('is within one turn of each share after any number of choices', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 500 }), (given, choices) => {
      const candidates = weighing(given)
      const total = given.reduce((sum, weight) => sum + weight)
      const policy = roundRobin()
      const counts = counted(given.length, choices, () => policy.choose(candidates, circumstances()))
      for (const [at, weight] of given.entries()) {
        expect(Math.abs((counts[at] ?? 0) - (choices * weight) / total)).toBeLessThan(1 + 1e-9)
      }
    }),
  )
})

it('mixes the turns of a heavy endpoint with those of the others', () => {
  const policy = roundRobin()
  const candidates = weighing([4, 1, 1])
  const order = Array.from({ length: 12 }, () => policy.choose(candidates, circumstances())).join('')
  expect(order).not.toMatch(/000|[12][12]/)
})

it('begins anywhere among many, so that balancers do not keep step', () => {
  const candidates = weighing(Array.from({ length: 100 }, () => 1))
  const random = seeded(3)
  const first = Array.from({ length: 100 }, () => roundRobin().choose(candidates, circumstances({ random })))
  expect(new Set(first).size).toBeGreaterThan(50)
})

it('is fair to those who stay, whoever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(63), { minLength: 1, maxLength: 200 }), (present) => {
      const all = weighing([1, 1, 1, 1, 1, 1, 1, 1])
      const [first, second] = all
      const policy = roundRobin()
      const counts = new Map(all.map((candidate) => [candidate, 0]))
      for (const bits of present) {
        const candidates = all.filter((_, at) => at < 2 || (bits >> (at - 2)) & 1)
        const chosen = candidates[policy.choose(candidates, circumstances())]
        if (chosen) counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
      }
      const [one = 0, other = 0] = [first, second].map((candidate) => candidate && counts.get(candidate))
      expect(Math.abs(one - other)).toBeLessThanOrEqual(2)
    }),
  )
})

it('gives one that comes later its share from then on, and nothing to make up for', () => {
  const policy = roundRobin()
  const candidates = weighing([1, 1, 1, 1])
  for (let choice = 0; choice < 999; choice++) policy.choose(candidates.slice(0, 3), circumstances())
  expect(counted(4, 40, () => policy.choose(candidates, circumstances()))).toEqual([10, 10, 10, 10])
})
