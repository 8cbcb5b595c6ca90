import fc from 'fast-check'
import { expect, it } from 'vitest'
import { waitOf } from './preference.ts'

it.each([
  ['wait=10', 10],
  ['Wait=10', 10],
  ['respond-async, wait=10', 10],
  ['respond-async;x=1, wait = 10;y', 10],
  ['wait="10"', 10],
  ['wait=0', 0],
  ['wait=60', 60],
  ['wait=61', 60],
  ['wait=999999999', 60],
  ['wait=5, wait=50', 5],
  ['note="a, wait=9", wait=5', 5],
])('of %j the wait is %i s', (prefer, seconds) => {
  expect(waitOf(prefer)).toBe(seconds)
})

it.each([
  undefined,
  '',
  ',',
  'wait',
  'wait=',
  'wait=soon',
  'wait=-1',
  'wait=1.5',
  'await=5',
  'note="wait=9"',
  'x; wait=5',
])('%j asks for none', (prefer) => {
  expect(waitOf(prefer)).toBeUndefined()
})

it('is read in one pass, though many a mark opens and none closes', () => {
  expect(waitOf(`"${'\\"'.repeat(1_000_000)}, wait=5`)).toBeUndefined()
})

it('whatever is sent, is nothing or a wait in bounds', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[wait=;, "\\0-9]*$/), (prefer) => {
      const seconds = waitOf(prefer)
      expect(seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 60)).toBe(true)
    }),
  )
})

it('a wait is found among any other preferences', () => {
  const other = fc.stringMatching(/^[b-v]{1,8}(="[b-v, =]{0,8}")?$/)
  fc.assert(
    fc.property(fc.array(other), fc.array(other), fc.integer({ min: 0, max: 60 }), (before, after, seconds) => {
      expect(waitOf([...before, `wait=${seconds}`, ...after].join(', '))).toBe(seconds)
    }),
  )
})
