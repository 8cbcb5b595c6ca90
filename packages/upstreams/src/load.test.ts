import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readLoad } from './load.ts'

it('reads what our services say of themselves', () => {
  expect(readLoad('inflight=3, latency=1.25', 7)).toEqual({ inFlight: 3, latencyMs: 1.25, at: 7 })
})

it.each([
  undefined,
  '',
  'inflight=-1, latency=1',
  'inflight=1',
  'inflight=1, latency=NaN',
  ['inflight=1, latency=1', 'x'],
])('takes %j for no news', (value) => {
  expect(readLoad(value, 0)).toBeUndefined()
})

it('never makes of anything what is no number', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const said = readLoad(value, 0)
      expect(said === undefined || (Number.isFinite(said.inFlight) && Number.isFinite(said.latencyMs))).toBe(true)
    }),
  )
})
