import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  afterCheck,
  afterRefusal,
  afterTime,
  type Condition,
  ejected,
  type Finding,
  timesEjected,
} from './condition.ts'

const good: Finding = { outcome: 'good' }
const bad: Finding = { outcome: 'bad', reason: 'check answered 500', refused: false }
const refused: Finding = { outcome: 'bad', reason: 'connection_refused', refused: true }
const up: Condition = { state: 'up', since: 0 }
const down: Condition = { state: 'down', reason: 'connection_refused' }
const out: Condition = { state: 'ejected', until: 30_000, times: 1, reason: '5 failures in a row' }

describe('active checks', () => {
  it('bring a starting endpoint up at the first good one', () => {
    expect(afterCheck({ state: 'starting' }, good, 1, 7)).toEqual({ state: 'up', since: 7 })
  })

  it('bring one that is down up at the second', () => {
    expect(afterCheck(down, good, 1, 7)).toBe(down)
    expect(afterCheck(down, good, 2, 7)).toEqual({ state: 'up', since: 7 })
  })

  it.each([up, out, { state: 'starting' } as Condition])(
    'take one that is $state down at the third bad one',
    (from) => {
      expect(afterCheck(from, bad, 2, 7)).toBe(from)
      expect(afterCheck(from, bad, 3, 7)).toEqual({ state: 'down', reason: 'check answered 500' })
    },
  )

  it('take it down at once when nobody listens, unless it never did', () => {
    expect(afterCheck(up, refused, 1, 7)).toEqual(down)
    expect(afterCheck(out, refused, 1, 7)).toEqual(down)
    expect(afterCheck({ state: 'starting' }, refused, 1, 7)).toEqual({ state: 'starting' })
    expect(afterRefusal(up, 'connection_refused')).toEqual(down)
  })

  it('change nothing by being good, draining or void', () => {
    expect(afterCheck(up, good, 9, 7)).toBe(up)
    expect(afterCheck(out, good, 9, 7)).toBe(out)
    expect(afterCheck(up, { outcome: 'draining' }, 9, 7)).toBe(up)
    expect(afterCheck(up, { outcome: 'void' }, 9, 7)).toBe(up)
  })
})

describe('ejection', () => {
  it('lasts 30 s x n, at most 300 s', () => {
    expect(ejected(up, 'why', 1, 5)).toEqual({ state: 'ejected', until: 30_005, times: 1, reason: 'why' })
    expect(ejected(up, 'why', 3, 0)).toMatchObject({ until: 90_000 })
    expect(ejected(up, 'why', 99, 0)).toMatchObject({ until: 300_000 })
  })

  it('ends when its time is over', () => {
    expect(afterTime(out, 29_999)).toBe(out)
    expect(afterTime(out, 30_000)).toEqual({ state: 'up', since: 30_000 })
  })

  it('never touches what is down', () => {
    expect(ejected(down, 'why', 1, 0)).toBe(down)
  })

  it('grows from one to the next and is forgotten after 300 s up', () => {
    expect(timesEjected(up, 0, 10)).toBe(1)
    expect(timesEjected(up, 2, 299_999)).toBe(3)
    expect(timesEjected(up, 2, 300_000)).toBe(1)
  })
})

it('never leaves down but by two good checks in a row, whatever happens', () => {
  const happenings = {
    good: (from: Condition, now: number, streak: number) => afterCheck(from, good, streak, now),
    bad: (from: Condition, now: number, streak: number) => afterCheck(from, bad, streak, now),
    refused: (from: Condition, now: number, streak: number) => afterCheck(from, refused, streak, now),
    time: afterTime,
    refusal: (from: Condition) => afterRefusal(from, 'connection_refused'),
    ejection: (from: Condition, now: number) => ejected(from, 'why', 1, now),
  }
  const names = Object.keys(happenings) as (keyof typeof happenings)[]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...names), { maxLength: 40 }), (sequence) => {
      let condition: Condition = down
      let rising = 0
      for (const [now, name] of sequence.entries()) {
        const wasDown = condition.state === 'down'
        if (name === 'good') rising++
        if (name === 'bad' || name === 'refused') rising = 0
        condition = happenings[name](condition, now, Math.max(rising, 1))
        if (wasDown && condition.state !== 'down') expect([condition.state, rising >= 2]).toEqual(['up', true])
      }
    }),
  )
})
