import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LARGEST, primeSlices } from './index.ts'

/** Runs it to its end. */
function run(n: number): { count: number; progress: number[] } {
  const slices = primeSlices(n)
  const progress: number[] = []
  for (;;) {
    const step = slices.next()
    if (step.done) return { count: step.value, progress }
    progress.push(step.value)
  }
}

/** By the definition, with nothing in common with a sieve. */
function naive(n: number): number {
  let count = 0
  for (let number = 2; number <= n; number++) {
    let divisor = 2
    while (divisor * divisor <= number && number % divisor !== 0) divisor++
    if (divisor * divisor > number) count++
  }
  return count
}

describe('primeSlices', () => {
  it.each([
    [10 ** 2, 25],
    [10 ** 3, 168],
    [10 ** 4, 1229],
    [10 ** 5, 9592],
    [10 ** 6, 78_498],
    [5 * 10 ** 6, 348_513],
    [10 ** 7, 664_579],
    [10 ** 8, 5_761_455],
  ])('finds as many primes up to %i as the tables say', (n, count) => {
    expect(run(n).count).toBe(count)
  })

  it('agrees with a count by definition at each small number', () => {
    for (let n = 0; n <= 300; n++) expect([n, run(n).count]).toEqual([n, naive(n)])
  })

  it('agrees with a count by definition around the edges of slices, of squares, and anywhere', () => {
    const edges = fc
      .integer({ min: 1, max: 3 })
      .chain((slice) => fc.integer({ min: -3, max: 3 }).map((d) => slice * 65_536 + d))
    const squares = fc
      .constantFrom(3, 5, 7, 11, 13, 251, 257, 359)
      .chain((p) => fc.integer({ min: -2, max: 2 }).map((d) => p * p + d))
    fc.assert(
      fc.property(fc.oneof(edges, squares, fc.integer({ min: 0, max: 200_000 })), (n) => run(n).count === naive(n)),
      { numRuns: 60 },
    )
  })

  it('tells how far it is, always further and short of the end, and takes small steps', () => {
    const { progress } = run(5_000_000)
    expect(progress.length).toBeGreaterThan(50)
    expect(progress.every((value, index) => value > (progress[index - 1] ?? 0) && value < 1)).toBe(true)
    expect(run(10_000).progress).toEqual([])
  })

  it('needs little memory, and takes steps no larger, at the largest number', () => {
    const slices = primeSlices(LARGEST)
    const before = process.memoryUsage().arrayBuffers
    const first = slices.next().value
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000)
    expect(first).toBeCloseTo(65_536 / LARGEST, 10)
  })

  it.each([-1, 0.5, LARGEST + 1, Number.NaN, Number.POSITIVE_INFINITY, '7' as unknown as number])(
    'refuses %s at once',
    (n) => {
      expect(() => primeSlices(n)).toThrow(RangeError)
      expect(() => primeSlices(n)).toThrow(/it must be a whole number from 0 to 1000000000/)
    },
  )
})
