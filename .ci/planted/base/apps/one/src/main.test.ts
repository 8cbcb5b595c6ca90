import { expect, it } from 'vitest'
import { listed } from './errors.ts'

it('lists one', () => {
  expect(Object.keys(listed)).toHaveLength(1)
})
