import { describe, expect, it } from 'vitest'
import { itemKey, itemValue, type Plan } from '../plan.ts'
import { questions } from './questions.ts'

const plan = (changes: Partial<Plan>): Plan => ({
  expects: 'hit',
  url: 'http://127.0.0.1:8000',
  token: 't',
  shape: { kind: 'closed', users: 1 },
  duration: 1,
  keys: { prefix: 'key', first: 7, count: 2 },
  process: { n: 10, primes: 4 },
  ...changes,
})

describe('what is asked', () => {
  it('of few keys: both ways of each, again and again', () => {
    const next = questions(plan({}))
    const asked = Array.from({ length: 5 }, () => next()?.path)
    expect(asked).toEqual([
      '/data/key-7',
      '/process?key=key-7&n=10',
      '/data/key-8',
      '/process?key=key-8&n=10',
      '/data/key-7',
    ])
  })

  it('of fifty keys at most, so that they are hot', () => {
    const next = questions(plan({ keys: { prefix: 'key', first: 0, count: 1000 } }))
    expect(new Set(Array.from({ length: 500 }, () => next()?.path)).size).toBe(100)
  })

  it('of each key once where misses are wanted, and then nothing', () => {
    const next = questions(plan({ expects: 'miss', keys: { prefix: 'key', first: 0, count: 3 } }))
    const asked = Array.from({ length: 5 }, () => next()?.path)
    expect(asked).toEqual(['/data/key-0', '/process?key=key-1&n=10', '/data/key-2', undefined, undefined])
  })

  it('has the answers that services give', () => {
    const next = questions(plan({}))
    const item = { key: itemKey('key', 7), value: itemValue('key', 7), version: 3, updatedAt: '2026-01-01T00:00:00Z' }
    const processed = { key: 'key-7', n: 10, primes: 4, durationMs: 0.3 }
    for (const answer of [item, processed].map((each) => JSON.stringify(each))) {
      const { begins = '-', ends = '-' } = next() ?? {}
      expect(answer.startsWith(begins) && answer.endsWith(ends)).toBe(true)
    }
  })
})
