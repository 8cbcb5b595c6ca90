import { expect, it } from 'vitest'
import { greeting } from './greeting.ts'

it('greets by name', () => {
  expect(greeting('you')).toBe('hello you')
})
