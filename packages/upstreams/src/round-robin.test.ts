import fc from 'fast-check'
import { expect, it } from 'vitest'
import { roundRobin } from './round-robin.ts'

it('gives each candidate the same share, from whatever turn on', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.nat(), fc.integer({ min: 1, max: 5 }), (size, from, rounds) => {
      const candidates = Array.from({ length: size }, (_, at) => at)
      const shares = candidates.map(() => 0)
      for (let turn = from; turn < from + size * rounds; turn++) {
        const chosen = roundRobin(candidates, { turn })
        shares[chosen] = (shares[chosen] ?? 0) + 1
      }
      expect(shares).toEqual(candidates.map(() => rounds))
    }),
  )
})
