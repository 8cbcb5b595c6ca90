import { describe, expect, it } from 'vitest'
import { DriverError } from '../plan.ts'
import type { Asked } from './client.ts'
import { parseWrk, wrkScript } from './wrk.ts'

const GET: Asked = {
  ...{ name: 'GET', method: 'GET', connections: 64, sends: 0 },
  answer: { path: '/items/', body: '' },
}

const said = (numbers: string) => `Running 2s test @ http://127.0.0.1:8000/small
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.26ms    3.21ms  90.70ms   98.11%
Requests/sec:  24368.12
CONTEST ${numbers}
`

describe('what wrk says', () => {
  it('is read in requests, seconds, bytes and milliseconds', () => {
    expect(parseWrk(said('48800 2002636 13517600 1260 90700 0 0 0 0 0'))).toEqual({
      requests: 48_800,
      seconds: 2.002636,
      bytes: 13_517_600,
      p50: 1.26,
      p99: 90.7,
      failures: {},
    })
  })

  it('names each kind of failure that there was', () => {
    expect(parseWrk(said('10 2000000 1000 1 1 1 2 3 4 5')).failures).toEqual({
      'not connected': 1,
      'broken while reading': 2,
      'broken while writing': 3,
      'no answer in 10 s': 4,
      'not 2xx or 3xx': 5,
    })
  })

  it.each(['', said('1 2 3'), said('48800 nan 13517600 1260 90700 0 0 0 0 0'), 'unable to connect'])(
    'is not guessed at: %j',
    (text) => expect(() => parseWrk(text)).toThrow(DriverError),
  )
})

describe('what wrk is told', () => {
  it('to send a body and fields where there are any', () => {
    const post = wrkScript({ ...GET, method: 'POST', sends: 1000, headers: { authorization: 'Bearer "x"' } })
    expect(post).toContain('wrk.method = "POST"')
    expect(post).toContain('wrk.body = string.rep("x", 1000)')
    expect(post).toContain('wrk.headers["authorization"] = "Bearer \\"x\\""')
    expect(wrkScript(GET)).not.toContain('wrk.body')
  })

  it('to call no function while it asks, unless each request has its own path', () => {
    expect(wrkScript(GET).match(/function \w+/g)).toEqual(['function done'])
    const numbered = wrkScript({ ...GET, numbered: { first: 7, count: 100 } })
    expect(numbered.match(/function \w+/g)).toEqual(['function request', 'function done'])
    expect(numbered).toContain('"/items/" .. number')
  })
})
