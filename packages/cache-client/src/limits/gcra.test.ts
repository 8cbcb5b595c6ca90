/** The algorithm against a slow model, and against clocks that jump. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { available, type Rate, spend, waitFor } from './gcra.ts'

/** A bucket that is filled millisecond by millisecond, in whole parts of a request: slow, and obviously right. */
class Model {
  #parts: number
  #at: number
  readonly #full: number
  readonly #each: number

  constructor({ intervalMs, burst }: Rate, now: number) {
    this.#each = intervalMs
    this.#full = burst * intervalMs
    this.#parts = this.#full
    this.#at = now
  }

  available(now: number): number {
    for (; this.#at < now; this.#at++) if (this.#parts < this.#full) this.#parts++
    return Math.floor(this.#parts / this.#each)
  }

  spend(count: number): void {
    this.#parts = Math.min(Math.max(this.#parts - count * this.#each, 0), this.#full)
  }
}

const rates = fc.record({ intervalMs: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 20 }) })
const steps = fc.array(
  fc.record({ pauseMs: fc.nat(100), count: fc.integer({ min: -5, max: 10 }), careful: fc.boolean() }),
  { maxLength: 60 },
)

/** When each passes that comes at one of these times. */
function passed(rate: Rate, times: readonly number[]): number[] {
  let fullAt = 0
  return times.filter((now) => {
    if (available(rate, fullAt, now) < 1) return false
    fullAt = spend(rate, fullAt, now, 1)
    return true
  })
}

describe('the generic cell rate algorithm', () => {
  it('lets pass what a bucket would that is filled drop by drop, and is given back to', () => {
    const bucket = fc.property(rates, steps, fc.nat(1000), (rate, walk, start) => {
      let [now, fullAt] = [start, start]
      const model = new Model(rate, now)
      for (const { pauseMs, count, careful } of walk) {
        now += pauseMs
        const there = available(rate, fullAt, now)
        expect(there).toBe(model.available(now))
        const taken = careful ? Math.min(count, there) : count
        fullAt = spend(rate, fullAt, now, taken)
        model.spend(taken)
      }
    })
    fc.assert(bucket, { numRuns: 500 })
  })

  it('never lets pass more than burst + rate * t in any time t, whatever the numbers', () => {
    const uneven = fc.record({
      intervalMs: fc.double({ min: 0.01, max: 1000, noNaN: true }),
      burst: fc.double({ min: 1, max: 20, noNaN: true }),
    })
    const pauses = fc.array(fc.double({ min: 0, max: 3000, noNaN: true }), { maxLength: 100 })
    const bound = fc.property(uneven, pauses, fc.double({ min: 0, max: 2e12, noNaN: true }), (rate, walk, start) => {
      let now = start
      const times = passed(
        rate,
        walk.flatMap((pause) => {
          now += pause
          return [now, now, now]
        }),
      )
      for (const [first, from] of times.entries()) {
        for (const [last, to] of times.entries()) {
          if (last < first) continue
          expect(last - first + 1).toBeLessThanOrEqual(rate.burst + (to - from + 0.01) / rate.intervalMs)
        }
      }
    })
    fc.assert(bound, { numRuns: 300 })
  })

  it('says exactly when the next may pass: then it does, and a moment before it does not', () => {
    const exact = fc.property(rates, fc.nat(40), fc.nat(1_000_000), (rate, count, now) => {
      const fullAt = spend(rate, now, now, count)
      const wait = waitFor(rate, fullAt, now)
      expect(available(rate, fullAt, now + wait)).toBeGreaterThanOrEqual(1)
      if (wait > 0) expect(available(rate, fullAt, now + wait - 0.01)).toBe(0)
      expect(wait === 0).toBe(available(rate, fullAt, now) > 0)
    })
    fc.assert(exact)
  })

  it('is harmed by no jump of the clock: at worst a burst more, or one waited for', () => {
    const jumping = fc.property(rates, steps, fc.integer({ min: -1e9, max: 1e9 }), (rate, walk, jump) => {
      let now = 1e9
      let fullAt = now
      for (const { pauseMs, count } of walk) {
        now += pauseMs
        fullAt = spend(rate, fullAt, now, count)
      }
      now += jump
      expect(available(rate, fullAt, now)).toBeLessThanOrEqual(rate.burst)
      expect(waitFor(rate, fullAt, now)).toBeLessThanOrEqual(rate.intervalMs)
      fullAt = spend(rate, fullAt, now, 0)
      expect(available(rate, fullAt, now + rate.burst * rate.intervalMs)).toBe(rate.burst)
    })
    fc.assert(jumping)
  })
})
