import { expect, it } from 'vitest'

it.skip('is not looked at', () => {
  expect(1).toBe(2)
})
