import { expect, it } from 'vitest'
import { used } from './exports.ts'

it('uses one', () => {
  expect(used).toBe(1)
})
