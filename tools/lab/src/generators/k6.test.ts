import { describe, expect, it } from 'vitest'
import { coresOf, planSettings } from './k6.ts'
import { difference } from './k6-progress.ts'

describe('a plan as settings of a scenario', () => {
  it('says everything that is not the scenario’s own', () => {
    const settings = planSettings({
      expects: 'miss',
      url: 'http://127.0.0.1:8000',
      token: 'secret',
      shape: { kind: 'users', users: 1000, joinPerSecond: 100, think: [1, 2] },
      duration: 60,
      keys: { prefix: 'run', first: 5000, count: 90_000 },
      process: { n: 10_000, primes: 1229 },
      core: 1,
    })
    expect(settings).toEqual({
      BASE_URL: 'http://127.0.0.1:8000',
      TOKEN: 'secret',
      SHAPE: 'users',
      USERS: '1000',
      JOIN_PER_SECOND: '100',
      THINK: '1-2',
      DURATION: '60s',
      KEY_PREFIX: 'run',
      KEY_FIRST: '5000',
      KEY_COUNT: '90000',
      N: '10000',
      PRIMES: '1229',
    })
  })
})

describe('what k6 says of a run under way', () => {
  it('gives seconds as differences of sums', () => {
    const before = { requests: 100, failures: 3, waited: 2 }
    expect(difference(4, before, { requests: 300, failures: 4, waited: 3 })).toEqual({
      second: 4,
      requests: 200,
      failures: 1,
      average: 5,
    })
    expect(difference(5, before, before)).toEqual({ second: 5, requests: 0, failures: 0, average: 0 })
  })

  it('gives cores from the first look to the last, and none of one look', () => {
    const looks = [
      { at: 1000, cpu: 7 },
      { at: 2000, cpu: 7.2 },
      { at: 3000, cpu: 8 },
    ]
    expect(coresOf(looks)).toBe(0.5)
    expect(coresOf(looks.slice(0, 1))).toBeUndefined()
    expect(coresOf([])).toBeUndefined()
  })
})
