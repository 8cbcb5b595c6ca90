import { expect, it } from 'vitest'
import { parseHttpDate } from './dates.ts'

it('reads the three formats (RFC 9110, 5.6.7)', () => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37)
  expect(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(time)
  expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT')).toBe(time)
  expect(parseHttpDate('Sun Nov  6 08:49:37 1994')).toBe(time)
})

it('refuses everything else', () => {
  const wrong = [
    '',
    '0',
    '1994',
    'Sun, 06 Nov 1994 08:49:37 PST',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
  ]
  for (const value of wrong) expect(parseHttpDate(value)).toBeUndefined()
  expect(parseHttpDate('Sun, 06 Foo 1994 08:49:37 GMT')).toBeUndefined()
  expect(parseHttpDate(undefined)).toBeUndefined()
})
