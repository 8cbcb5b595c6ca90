import { type Entry, freshOnly } from '@spillway/cache-client'
import { describe, expect, it } from 'vitest'
import { demandsOf, onlyIfCached, UNDEMANDING, usable } from './demands.ts'

/** Fresh for 30 s, used for 10 s more while it is revalidated, and for 60 s more by whoever asks for stale ones. */
const entry: Entry = {
  key: 'key',
  status: 200,
  headers: [],
  body: Buffer.alloc(0),
  ageMs: 0,
  at: 0,
  windows: { fresh: 30_000, whileRevalidate: 40_000, ifError: 90_000, ifAsked: 90_000, keep: 90_000 },
  fillMs: 0,
  tags: [],
  vary: [],
}
const used = (cacheControl: string, seconds: number, of = entry) =>
  usable(of, demandsOf({ 'Cache-Control': cacheControl }), seconds * 1000)

describe('an entry is used', () => {
  it('fresh as it is, then while it is revalidated, by whoever demands nothing', () => {
    expect([0, 29, 30, 39, 40].map((at) => usable(entry, UNDEMANDING, at * 1000))).toEqual([
      ...['fresh', 'fresh', 'stale', 'stale'],
      undefined,
    ])
  })

  it('not with no-cache (RFC 9111, 5.2.1.4), nor with Pragma: no-cache alone (5.4)', () => {
    expect(used('no-cache', 1)).toBe(undefined)
    expect(used('no-cache, max-stale', 31)).toBe(undefined)
    expect(usable(entry, demandsOf({ pragma: 'no-cache' }), 1000)).toBe(undefined)
    expect(usable(entry, demandsOf(['pragma', 'no-cache', 'cache-control', 'max-age=60']), 1000)).toBe('fresh')
  })

  it('up to the age of max-age (5.2.1.1)', () => {
    expect([used('max-age=10', 10), used('max-age=10', 11), used('max-age=0', 1)]).toEqual([
      'fresh',
      undefined,
      undefined,
    ])
    expect(used('max-age=35', 36)).toBe(undefined)
  })

  it('while it stays fresh for min-fresh (5.2.1.3)', () => {
    expect([used('min-fresh=10', 20), used('min-fresh=10', 21), used('min-fresh=10', 31)]).toEqual([
      'fresh',
      undefined,
      undefined,
    ])
  })

  it('stale, as far as max-stale goes and the answer allows (5.2.1.2)', () => {
    expect([used('max-stale=20', 49), used('max-stale=20', 50), used('max-stale', 89), used('max-stale', 90)]).toEqual([
      ...['asked', undefined, 'asked'],
      undefined,
    ])
    expect(used('max-stale', 31, { ...entry, windows: freshOnly(30_000) })).toBe(undefined)
  })

  it('whatever reload demands, while it is fresh and immutable (RFC 8246, 2)', () => {
    const immutable: Entry = { ...entry, headers: [['cache-control', 'max-age=30, immutable']] }
    for (const reload of ['no-cache', 'max-age=0']) {
      expect(used(reload, 29, immutable)).toBe('fresh')
      expect(used(reload, 31, immutable)).toBe(undefined)
    }
    expect(usable(immutable, demandsOf({ pragma: 'no-cache' }), 1000)).toBe('fresh')
  })
})

it('reads only-if-cached (RFC 9111, 5.2.1.7) and no-store (5.2.1.5)', () => {
  expect(onlyIfCached({ 'cache-control': 'max-age=0, Only-If-Cached' })).toBe(true)
  expect(onlyIfCached({ 'cache-control': 'no-cache' })).toBe(false)
  expect(onlyIfCached({})).toBe(false)
  expect(demandsOf({ 'cache-control': 'no-store' }).unstored).toBe(true)
  expect(demandsOf({})).toBe(UNDEMANDING)
})
