import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bench, truthful } from '../../test/sample.ts'
import { summary } from './summary.ts'

/** Whatever the terminal is that the tests run in. */
const plain = (...rows: Parameters<typeof summary>) => stripVTControlCharacters(summary(...rows))

describe('summary', () => {
  it('has an aligned line for each row, in the order in which they were run, and the findings', () => {
    const lines = plain(bench()).split('\n')
    expect(lines[0]).toBe('test        load    verdict  requests  a second  avg ms  p95 ms  p99 ms  failed     hits')
    expect(lines[1]).toBe('test1-miss  users   VALID      15,720       262   2,200   3,960   5,500       0      0 %')
    expect(lines.slice(1, 9).map((line) => line.split(/ +/).slice(0, 3).join(' '))).toEqual([
      'test1-miss users VALID',
      'test1-miss closed VALID',
      'test1-hit users VALID',
      'test1-hit closed VALID',
      'test3-miss users VALID',
      'test3-miss closed VALID',
      'test3-hit users VALID',
      'test3-hit closed VALID',
    ])
    expect(lines.filter((line) => /^(Replication|Caching), /.test(line))).toHaveLength(4)
  })

  it('gives the reason for each row that is not valid, and the way out of each that was not run', () => {
    const [invalid, inconclusive] = [truthful({ shape: 'closed' }), truthful()]
    invalid.load.wrongBodies = 1
    inconclusive.served.busy = 1
    const notRun = { name: 'test3-hit', shape: 'users', notRun: 'it needs k6, which `make k6` brings' } as const
    const shown = plain([invalid, inconclusive, notRun])
    expect(shown).toMatch(/^INVALID test3-miss, closed: 1 answer had a wrong body/m)
    expect(shown).toMatch(/^INCONCLUSIVE test3-miss, users: The machine's 8 cores were 100 % busy/m)
    expect(shown).toMatch(/^NOT RUN test3-hit, users: it needs k6, which `make k6` brings$/m)
  })

  it('writes a dash where there is nothing to divide by', () => {
    const run = truthful()
    Object.assign(run.load, { requests: 0, duration: 0, statuses: {} })
    const shown = plain([run])
    expect(shown).toMatch(/test3-miss +users +INVALID +0 +– /)
    expect(shown).not.toMatch(/NaN|Infinity|undefined/)
  })
})
