import { expect, it } from 'vitest'
import { readSettings } from './settings.ts'

it('names no place for a stack of its own unless told one, so that a free one is looked for', () => {
  expect(readSettings({})).not.toHaveProperty('PORT_OFFSET')
  expect(readSettings({ PORT_OFFSET: '0' })).toMatchObject({ PORT_OFFSET: 0 })
})

it('wants tests that last', () => {
  expect(() => readSettings({ DURATION: '500ms' })).toThrow('DURATION is 0.5 s; it must be from 1s to 1h')
  expect(readSettings({ DURATION: '10s' })).toMatchObject({ DURATION: 10_000, USERS: 1000, SHAPE: 'both' })
})
