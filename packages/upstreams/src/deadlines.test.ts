import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Deadlines } from './deadlines.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

function world() {
  const deadlines = new Deadlines()
  const late: string[] = []
  const expectWithin = (name: string, ms: number) => {
    const member = {
      place: 0,
      deadlineAt: performance.now() + ms,
      late: () => {
        late.push(`${name} ${Math.round(performance.now())}`)
        deadlines.delete(member)
      },
    }
    deadlines.add(member)
    return member
  }
  return { deadlines, late, expectWithin }
}

it('tells each when its own time is over, in whatever order they came', () => {
  const { late, expectWithin, deadlines } = world()
  const at = Math.round(performance.now())
  for (const ms of [300, 100, 200, 100]) expectWithin('one', ms)
  vi.advanceTimersByTime(1000)
  expect(late).toEqual([100, 100, 200, 300].map((ms) => `one ${at + ms}`))
  expect(deadlines.size).toBe(0)
})

it('tells nobody who has left, or whose deadline was put off', () => {
  const { late, expectWithin, deadlines } = world()
  const at = Math.round(performance.now())
  const gone = expectWithin('gone', 100)
  const answered = expectWithin('answered', 150)
  expectWithin('late', 200)
  deadlines.delete(gone)
  answered.deadlineAt = Number.POSITIVE_INFINITY
  vi.advanceTimersByTime(10_000)
  expect(late).toEqual([`late ${at + 200}`])
  expect(deadlines.size).toBe(1)
})

it('has one timer for all, and none once nobody is kept', () => {
  const { expectWithin, deadlines } = world()
  const members = [300, 100, 200].map((ms) => expectWithin('one', ms))
  expect(vi.getTimerCount()).toBe(1)
  for (const member of members) deadlines.delete(member)
  expect(vi.getTimerCount()).toBe(0)
})

it('sets no timer for those who may wait for ever', () => {
  const { expectWithin } = world()
  expectWithin('patient', Number.POSITIVE_INFINITY)
  expect(vi.getTimerCount()).toBe(0)
})
