import fc from 'fast-check'
import { expect, it } from 'vitest'
import { circumstances, counted, weighing, weights } from '../../test/candidates.ts'
import { seeded } from '../simulation/chance.ts'
import { draw, random } from './random.ts'

it('gives each about the share that its weight says', () => {
  fc.assert(
    fc.property(weights, fc.integer(), (given, seed) => {
      const candidates = weighing(given)
      const around = circumstances({ random: seeded(seed) })
      const policy = random()
      const counts = counted(given.length, 4000, () => policy.choose(candidates, around))
      const total = given.reduce((sum, weight) => sum + weight)
      for (const [at, weight] of given.entries()) {
        const share = weight / total
        // Six standard deviations.
        expect(Math.abs((counts[at] ?? 0) / 4000 - share)).toBeLessThan(
          6 * Math.sqrt((share * (1 - share)) / 4000) + 1e-9,
        )
      }
    }),
    { numRuns: 50 },
  )
})

it('draws one of the others where one is excepted, whatever the random number', () => {
  const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(weights, fc.nat(11), randoms, (given, except, at) => {
      fc.pre(given.length > 1)
      const chosen = draw(weighing(given), () => at, except % given.length)
      expect(chosen).not.toBe(except % given.length)
      expect(given[chosen]).toBeDefined()
    }),
  )
})
