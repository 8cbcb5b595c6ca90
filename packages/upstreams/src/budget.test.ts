import { describe, expect, it } from 'vitest'
import { Budget } from './budget.ts'

/** How many retries it grants at once. */
function granted(budget: Budget, now: number): number {
  let count = 0
  while (budget.spend(now)) count++
  return count
}

describe('a retry budget', () => {
  it('is ten a second without any traffic', () => {
    const budget = new Budget()
    expect(granted(budget, 0)).toBe(100)
    expect(granted(budget, 9_999)).toBe(0)
    expect(granted(budget, 10_000)).toBe(100)
  })

  it('grows by a fifth of the last ten seconds’ requests', () => {
    const budget = new Budget()
    for (let count = 0; count < 1_000; count++) budget.request(0)
    expect(granted(budget, 5_000)).toBe(300)
  })

  it('says how many are left', () => {
    const budget = new Budget()
    expect(budget.left(0)).toBe(100)
    for (let count = 0; count < 11; count++) budget.request(0)
    budget.spend(0)
    expect(budget.left(0)).toBe(102)
    expect(granted(budget, 0)).toBe(102)
    expect(budget.left(0)).toBe(0)
  })
})
