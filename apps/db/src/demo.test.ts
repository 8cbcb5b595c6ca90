import { expect, it } from 'vitest'
import { sampleKeys } from './demo.ts'

it('names samples after the Greek letters, then numbers them', () => {
  expect(sampleKeys(3)).toEqual(['alpha', 'beta', 'gamma'])
  expect(sampleKeys(49).slice(22)).toEqual([
    'psi',
    'omega',
    ...sampleKeys(24).map((letter) => `${letter}-2`),
    'alpha-3',
  ])
  expect(new Set(sampleKeys(1000)).size).toBe(1000)
})
