import { describe, expect, it } from 'vitest'
import { toldApart } from './told-apart.ts'

/** Spread like times on a busy machine, from a fixed seed: many short, few long. */
function noise(count: number): number[] {
  let state = 7
  return Array.from({ length: count }, () => {
    state = (state * 48_271) % 2_147_483_647
    return -20 * Math.log(state / 2_147_483_647)
  })
}
const differences = (by: number) => {
  const [one, other] = [noise(800).slice(0, 400), noise(800).slice(400)]
  return one.map((ms, index) => ms + by - (other[index] as number))
}

describe('kinds of answers', () => {
  it('that take as long as each other are not told apart, however noisy the machine', () => {
    const found = toldApart(differences(0))
    expect(found.isApart).toBe(false)
    expect(found.between[0]).toBeLessThan(0)
    expect(found.between[1]).toBeGreaterThan(0)
  })

  it('of which one takes a password check longer are', () => {
    const found = toldApart(differences(20))
    expect(found).toMatchObject({ isApart: true, longer: expect.any(Number) })
    expect(found.longer).toBeGreaterThan(0.7)
    expect(found.between[0]).toBeGreaterThan(0)
  })

  it('that take exactly as long speak for neither', () => {
    expect(toldApart(Array(100).fill(0))).toEqual({ median: 0, between: [0, 0], longer: 0.5, isApart: false })
  })
})
