import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Question } from './questions.ts'
import { type Answer, Tally } from './tally.ts'

const QUESTION: Question = { path: '/data/a', begins: '{"key":"a",', ends: '"}' }
const RIGHT: Answer = {
  status: 200,
  body: '{"key":"a","updatedAt":"now"}',
  cacheStatus: 'gateway-1; hit',
  servedBy: 'gateway-1, db-1',
  ms: 1,
}

describe('a tally', () => {
  it('tells right answers, wrong bodies, failures and requests without an answer apart', () => {
    const tally = new Tally()
    tally.answered(QUESTION, RIGHT)
    tally.answered(QUESTION, {
      ...RIGHT,
      body: '{"key":"b","updatedAt":"now"}',
      cacheStatus: 'gateway-1; fwd=uri-miss',
    })
    tally.answered(QUESTION, { ...RIGHT, body: '{"key":"a","updatedAt":"no' })
    tally.answered(QUESTION, { ...RIGHT, status: 503, body: 'busy' })
    tally.unanswered('ECONNRESET', 9)
    expect(tally.whole()).toMatchObject({
      requests: 5,
      statuses: { 200: 3, 503: 1, ECONNRESET: 1 },
      cache: { hit: 2, miss: 1, collapsed: 0, none: 2 },
      wrongBodies: 2,
      responding: 0.013,
      latency: { average: 1, max: 1 },
    })
  })

  it('has exact percentiles, by nearest rank, whatever the order and number', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 500 }), (times) => {
        const tally = new Tally()
        for (const ms of times) tally.answered(QUESTION, { ...RIGHT, ms })
        const { p50, p95, p99, max } = tally.whole().latency
        for (const [share, value] of [
          [0.5, p50],
          [0.95, p95],
          [0.99, p99],
          [1, max],
        ] as const) {
          const below = times.filter((ms) => ms < value).length
          const upTo = times.filter((ms) => ms <= value).length
          expect(times).toContain(value)
          expect(below).toBeLessThan(share * times.length)
          expect(upTo).toBeGreaterThanOrEqual(share * times.length)
        }
      }),
    )
  })

  it('keeps every time beyond the room that it began with', () => {
    const tally = new Tally()
    for (let ms = 1; ms <= 200_000; ms++) tally.answered(QUESTION, { ...RIGHT, ms })
    expect(tally.whole().latency).toEqual({
      average: 100_000.5,
      p50: 100_000,
      p95: 190_000,
      p99: 198_000,
      max: 200_000,
    })
  })

  it('gives each second what came since the one before', () => {
    const tally = new Tally()
    tally.answered(QUESTION, { ...RIGHT, ms: 2 })
    tally.answered(QUESTION, { ...RIGHT, status: 500, ms: 4 })
    expect(tally.second(1)).toEqual({ second: 1, requests: 2, failures: 1, average: 3 })
    expect(tally.second(2)).toEqual({ second: 2, requests: 0, failures: 0, average: 0 })
    tally.unanswered('EPIPE', 5)
    expect(tally.second(3)).toMatchObject({ requests: 1, failures: 1, average: expect.closeTo(5) })
  })
})
