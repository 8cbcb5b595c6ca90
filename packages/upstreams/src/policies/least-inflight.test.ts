import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyCandidates, circumstances, counted, sample, weighing } from '../../test/candidates.ts'
import { leastInflight } from './least-inflight.ts'

it('chooses nobody while another has less in flight for its weight', () => {
  fc.assert(
    fc.property(anyCandidates, (candidates) => {
      const loads = candidates.map(({ inFlight, weight }) => inFlight / weight)
      expect(loads[leastInflight().choose(candidates, circumstances())]).toBe(Math.min(...loads))
    }),
  )
})

it('fills endpoints as their weights say', () => {
  const candidates = weighing([1, 2, 5])
  const policy = leastInflight()
  const around = circumstances()
  for (let request = 0; request < 80; request++) {
    const chosen = candidates[policy.choose(candidates, around)]
    if (chosen) chosen.inFlight++
  }
  expect(candidates.map(({ inFlight }) => inFlight)).toEqual([10, 20, 50])
})

it('spreads over an idle cluster by weight, instead of sending all to the first', () => {
  const candidates = [...weighing([1, 1, 2]), sample(3, { inFlight: 1 })]
  const policy = leastInflight()
  const around = circumstances()
  const [first = 0, second = 0, heavy = 0, busy] = counted(4, 4000, () => policy.choose(candidates, around))
  expect(busy).toBe(0)
  expect(Math.abs(first - 1000)).toBeLessThan(150)
  expect(Math.abs(second - 1000)).toBeLessThan(150)
  expect(Math.abs(heavy - 2000)).toBeLessThan(200)
})
