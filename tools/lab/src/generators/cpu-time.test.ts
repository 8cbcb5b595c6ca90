import { describe, expect, it } from 'vitest'
import { cpuTime, procStatTime, psTime } from './cpu-time.ts'

describe('the CPU time of a process', () => {
  it('grows with work, and is unknown of one that is not there', async () => {
    const before = (await cpuTime(process.pid)) ?? Number.NaN
    for (const until = performance.now() + 60; performance.now() < until; );
    expect(await cpuTime(process.pid)).toBeGreaterThan(before)
    expect(await cpuTime(2 ** 22 + 1)).toBeUndefined()
  })

  it('is read past a name that looks like fields', () => {
    expect(procStatTime('4711 (a) b (c d) S 1 4711 4711 0 -1 4194560 2 0 0 0 1234 66 0 0 20 0 9 0')).toBe(13)
  })

  it.each([
    ['0:01.50', 1.5],
    ['12:34', 754],
    ['01:02:03', 3723],
    ['2-03:00:00', 183_600],
    ['', undefined],
    ['TIME', undefined],
  ])('of ps, %j is %s seconds', (shown, seconds) => expect(psTime(shown)).toBe(seconds))
})
