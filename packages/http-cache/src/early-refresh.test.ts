import { type Entry, freshOnly } from '@spillway/cache-client'
import { describe, expect, it } from 'vitest'
import { refreshesEarly } from './early-refresh.ts'

const entry = { fillMs: 100, windows: freshOnly(10_000) } as Entry
/** Such that -ln is 1. */
const mean = () => 1 / Math.E

describe('XFetch', () => {
  it('refreshes earlier the longer the fill takes, and the greater beta is', () => {
    expect(refreshesEarly(entry, 9899, 1, mean)).toBe(false)
    expect(refreshesEarly(entry, 9900, 1, mean)).toBe(true)
    expect(refreshesEarly({ ...entry, fillMs: 1000 }, 9000, 1, mean)).toBe(true)
    expect(refreshesEarly(entry, 9800, 2, mean)).toBe(true)
  })

  it('asks chance only near the end, and does nothing where it is off', () => {
    let asked = 0
    const counting = () => {
      asked++
      return 1e-300
    }
    expect(refreshesEarly(entry, 6000, 1, counting)).toBe(false)
    expect(refreshesEarly(entry, 9999, 0, counting)).toBe(false)
    expect(asked).toBe(0)
    expect(refreshesEarly(entry, 6400, 1, counting)).toBe(true)
  })

  it('lets an entry that is read often never become stale, and asks for it about once a lifetime', () => {
    let seed = 1
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    let [age, refreshed, due, oldest] = [0, 0, Number.POSITIVE_INFINITY, 0]
    for (let now = 0; now < 1_000_000; now++, age++) {
      if (now >= due) [age, due] = [0, Number.POSITIVE_INFINITY]
      oldest = Math.max(oldest, age)
      if (due !== Number.POSITIVE_INFINITY || !refreshesEarly(entry, age, 1, random)) continue
      refreshed++
      due = now + entry.fillMs
    }
    expect(oldest).toBeLessThan(10_000)
    expect(refreshed).toBeGreaterThanOrEqual(100)
    expect(refreshed).toBeLessThan(115)
  })
})
