import { ageOf } from '@spillway/cache-client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { initialAge } from './freshness.ts'

const NOW = Date.parse('Sat, 21 Nov 2026 08:00:10 GMT')
const times = { requestAt: 1000, responseAt: 1200, responseDate: NOW }

describe('age (RFC 9111, 4.2.3)', () => {
  it('is at least the time the answer was on its way', () => {
    expect(initialAge({}, times)).toBe(200)
  })

  it('adds that to what the upstream’s Age says, of several values the first', () => {
    expect(initialAge({ age: '5' }, times)).toBe(5200)
    expect(initialAge({ age: '5, 9' }, times)).toBe(5200)
    for (const age of ['-5', '5.5', 'x', '']) expect(initialAge({ age }, times)).toBe(200)
  })

  it('is at least what Date says, in whole seconds', () => {
    expect(initialAge({ date: 'Sat, 21 Nov 2026 08:00:03 GMT' }, times)).toBe(7000)
    expect(initialAge({ date: 'Sat, 21 Nov 2026 08:00:10 GMT' }, { ...times, responseDate: NOW + 999 })).toBe(200)
    for (const date of ['Sat, 21 Nov 2026 09:00:00 GMT', 'yesterday']) expect(initialAge({ date }, times)).toBe(200)
  })

  it('is never negative and grows with the time in the cache', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), (date, age, later) => {
        const ageMs = initialAge({ date, age }, times)
        expect(ageMs).toBeGreaterThanOrEqual(0)
        expect(ageOf({ ageMs, at: 1200 }, 1200 + later)).toBe(ageMs + later)
      }),
    )
  })
})
