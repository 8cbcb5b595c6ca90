import { expect, it } from 'vitest'
import { Running } from './running.ts'

function member(running: Running, calls: string[], name: string, ends: boolean) {
  const self = {
    place: 0,
    deadlineAt: Number.POSITIVE_INFINITY,
    late: () => {},
    sweep: () => act('swept'),
    abort: (reason: Error) => act(reason.message),
  }
  const act = (what: string) => {
    calls.push(`${name} ${what}`)
    if (ends) running.delete(self)
  }
  running.add(self)
  return self
}

it('reaches each request once, whichever of them end by it', () => {
  for (let ends = 0; ends < 16; ends++) {
    const running = new Running()
    const calls: string[] = []
    const names = ['a', 'b', 'c', 'd']
    names.forEach((name, at) => {
      member(running, calls, name, (ends & (1 << at)) !== 0)
    })
    running.sweep(500)
    expect(calls.toSorted()).toEqual(names.map((name) => `${name} swept`))
    expect(running.size).toBe(4 - ends.toString(2).replaceAll('0', '').length)
    calls.length = 0
    running.abort(new Error('ended'))
    expect(calls.toSorted()).toEqual(names.filter((_, at) => (ends & (1 << at)) === 0).map((name) => `${name} ended`))
  }
})

it('keeps the others where one is taken out', () => {
  const running = new Running()
  const calls: string[] = []
  const [first, middle, last] = ['first', 'middle', 'last'].map((name) => member(running, calls, name, false))
  for (const one of [first, last]) if (one) running.delete(one)
  running.sweep(500)
  expect(calls).toEqual(['middle swept'])
  if (middle) running.delete(middle)
  expect([running.size, running.swept]).toEqual([0, 500])
})
