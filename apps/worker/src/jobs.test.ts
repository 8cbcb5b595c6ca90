import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idOf } from './jobs.ts'

it('gives one owner’s key always the same id, which is a UUID', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (owner, key) => {
      const id = idOf(owner, key)
      expect(id).toBe(idOf(owner, key))
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }),
  )
})

it('gives different ones to different owners and keys, wherever one ends and the other begins', () => {
  const pairs = [
    ['a', 'bc'],
    ['ab', 'c'],
    ['a","b', 'c'],
    ['a', 'b","c'],
  ] as const
  expect(new Set(pairs.map(([owner, key]) => idOf(owner, key))).size).toBe(4)
})
