import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RollingSum } from './rolling-sum.ts'

it('adds up the last ten seconds and forgets what is older', () => {
  const sum = new RollingSum()
  sum.add(500)
  sum.add(1_500, 2)
  expect(sum.total(9_999)).toBe(3)
  expect(sum.total(10_000)).toBe(2)
  expect(sum.total(11_000)).toBe(0)
  sum.add(1_000_000, 4)
  expect(sum.total(1_000_001)).toBe(4)
  sum.clear()
  expect(sum.total(1_000_001)).toBe(0)
})

it('agrees with a plain list of what was added', () => {
  const additions = fc.array(fc.record({ after: fc.nat(4_000), amount: fc.integer({ min: 1, max: 5 }) }))
  fc.assert(
    fc.property(additions, fc.nat(20_000), (added, until) => {
      const sum = new RollingSum()
      let now = 0
      const kept = added.map(({ after, amount }) => {
        now += after
        sum.add(now, amount)
        return { second: Math.floor(now / 1000), amount }
      })
      const second = Math.floor((now + until) / 1000)
      const expected = kept.reduce((total, each) => total + (each.second > second - 10 ? each.amount : 0), 0)
      expect(sum.total(now + until)).toBe(expected)
    }),
  )
})
