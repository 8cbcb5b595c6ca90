import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { SignInAttempts, type Verdict } from './sign-in-attempts.ts'

let now: number
let attempts: SignInAttempts
beforeEach(() => {
  now = 1000
  attempts = new SignInAttempts(() => now)
})

/** The wait that it is refused with, or 0 once it was made. */
function attempt(verdict: Verdict, who = 'grace from here'): number {
  const begun = attempts.begin(who)
  if ('waitMs' in begun) return begun.waitMs
  begun.end(verdict)
  return 0
}
const fail = (times: number) => Array.from({ length: times }, () => attempt('wrong'))

describe('attempts to sign in', () => {
  it('cost nothing at first, then 1 s, 2 s, 4 s and so on, at most a quarter of an hour', () => {
    expect(fail(10)).toEqual(Array(10).fill(0))
    const waits: number[] = []
    for (let round = 0; round < 13; round++) {
      const wait = attempt('wrong')
      waits.push(wait / 1000)
      now += wait - 1
      expect(attempt('wrong')).toBe(1)
      now += 1
      expect(attempt('wrong')).toBe(0)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900])
  })

  it('begin anew after a success', () => {
    fail(10)
    now += 1000
    expect(attempt('right')).toBe(0)
    expect(fail(10)).toEqual(Array(10).fill(0))
  })

  it('without a verdict change nothing', () => {
    fail(9)
    for (let index = 0; index < 20; index++) expect(attempt('none')).toBe(0)
    expect(attempt('wrong')).toBe(0)
    expect(attempt('none')).toBe(1000)
  })

  it('are forgotten a day after the last failure', () => {
    fail(10)
    now += 24 * 60 * 60_000
    expect(fail(10)).toEqual(Array(10).fill(0))
  })

  it('of others, or from elsewhere, are theirs', () => {
    fail(11)
    expect(attempt('wrong', 'grace from elsewhere')).toBe(0)
  })

  it('that are under way count as failures yet to come', () => {
    const begun = Array.from({ length: 12 }, () => attempts.begin('grace'))
    expect(begun.filter((each) => 'end' in each)).toHaveLength(10)
    for (const each of begun) if ('end' in each) each.end('wrong')
    now += 1000
    expect(attempts.begin('grace')).toHaveProperty('end')
    expect(attempts.begin('grace')).toEqual({ waitMs: 1000 })
  })

  it('are remembered where they succeeded, for 30 days', () => {
    expect(attempts.hasSucceeded('grace from here')).toBe(false)
    attempt('right')
    fail(3)
    expect(attempts.hasSucceeded('grace from here')).toBe(true)
    expect(attempts.hasSucceeded('grace from elsewhere')).toBe(false)
    now += 30 * 24 * 60 * 60_000
    expect(attempts.hasSucceeded('grace from here')).toBe(false)
  })

  it('of 50,000 are remembered, those seen last', () => {
    fail(10)
    attempt('wrong', 'first')
    for (let index = 0; index < 49_999; index++) attempt('wrong', String(index))
    expect(attempt('wrong')).toBe(0)
    for (let index = 0; index < 10; index++) attempt('wrong')
    for (let index = 0; index < 49_999; index++) attempt('wrong', String(-index))
    expect(attempt('wrong')).toBeGreaterThan(0)
  })

  it('never let more guesses through than the waits allow, whatever the order of asking and answering', () => {
    const step = fc.tuple(fc.constantFrom('begin', 'begin', 'wrong', 'none', 'pause'), fc.nat(5000))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const started = now
        const subject = new SignInAttempts(() => now)
        const open: ((verdict: Verdict) => void)[] = []
        let wrong = 0
        const end = (which: number, verdict: Verdict) => {
          const [one] = open.splice(which % Math.max(1, open.length), 1)
          one?.(verdict)
          return one ? 1 : 0
        }
        const acts = {
          pause(ms: number) {
            now += ms
          },
          begin() {
            const begun = subject.begin('grace')
            if ('end' in begun) open.push(begun.end)
          },
          none: (which: number) => end(which, 'none'),
          wrong(which: number) {
            wrong += end(which, 'wrong')
          },
        }
        for (const [act, number] of steps) acts[act](number)
        // Ten at once, then one after 1 s, another after 2 s more: n beyond the ten take 2^n - 1 s.
        expect(2 ** Math.max(0, wrong - 10) - 1).toBeLessThanOrEqual((now - started) / 1000)
      }),
    )
  })
})
