import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { onlyIfCached, parseCacheControl, policyOf } from './directives.ts'

const cc = (value: string) => policyOf({ 'cache-control': value })

describe('Cache-Control (RFC 9111, 5.2)', () => {
  it.each([
    ['max-age=30', 30],
    ['MAX-AGE=30', 30],
    ['max-age="30"', 30],
    ['foo="a, max-age=9", max-age=30', 30],
    ['max-age=30, s-maxage=5', 5],
    ['s-maxage=5, max-age=30', 5],
    ['max-age=30, max-age=60', 30],
    ['max-age=99999999999', 2 ** 31],
    ['max-age', 0],
    ['max-age=-1', 0],
    ['max-age=+1', 0],
    ['max-age=1.5', 0],
    ['max-age=30 s', 0],
    ["max-age='30'", 0],
    ['', 0],
    [',,', 0],
  ])('%s lives %d seconds (4.2.1)', (value, seconds) => {
    expect(cc(value).lifetime).toBe(seconds)
  })

  it('keeps secret what is private or no-store, in either form and letter case', () => {
    for (const value of [
      'private',
      'no-store',
      'No-Store',
      'private="x-a"',
      'max-age=30, private',
      'no-store;',
      'private x',
    ])
      expect(cc(value).secret).toBe(true)
    for (const value of ['public', 'foo="private"', 'x-private', 'privately']) expect(cc(value).secret).toBe(false)
  })

  it('knows what may be shared although it was authorized (3.5)', () => {
    for (const value of ['public', 's-maxage=1', 'must-revalidate']) expect(cc(value).shared).toBe(true)
    expect(cc('max-age=30').shared).toBe(false)
  })

  it('joins the lines of a repeated field (RFC 9110, 5.3)', () => {
    expect(policyOf({ 'cache-control': ['max-age=30', 'private'] })).toMatchObject({ secret: true, lifetime: 30 })
  })

  it('never throws, and finds a directive whatever valid ones stand around it', () => {
    const token = fc.stringMatching(/^[a-z]{1,8}$/)
    const other = fc.oneof(
      token,
      fc.tuple(token, fc.stringMatching(/^[^"\\\r\n]{0,8}$/)).map(([a, b]) => `${a}="${b}"`),
    )
    fc.assert(
      fc.property(fc.array(other), fc.array(other), (before, after) => {
        const value = [...before, 'no-cache', ...after].join(fc.sample(fc.constantFrom(',', ', ', ' ,'), 1)[0])
        expect(cc(value).unvalidated).toBe(true)
      }),
    )
    fc.assert(
      fc.property(fc.string(), (value) => {
        parseCacheControl(value)
        expect(cc(value).lifetime).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  it('takes time in proportion to the length of a hostile value', () => {
    const started = performance.now()
    for (const part of ['"', '\\"', ' ', '= ', 'a=" ', ',']) parseCacheControl(part.repeat(16_384 / part.length))
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('CDN-Cache-Control (RFC 9213)', () => {
  const both = (cdn: string | string[]) => policyOf({ 'cdn-cache-control': cdn, 'cache-control': 'private, max-age=5' })

  it('stands alone where it is valid', () => {
    expect(both('public, max-age=30, stale-while-revalidate=60')).toEqual({
      secret: false,
      unvalidated: false,
      shared: true,
      lifetime: 30,
    })
    expect(both('no-store')).toMatchObject({ secret: true, lifetime: 0 })
    expect(both(['max-age=30', 'public'])).toMatchObject({ lifetime: 30, shared: true })
    expect(both('max-age=30;foo=bar').lifetime).toBe(30)
  })

  it('is ignored as a whole where it is empty or does not parse (2.2)', () => {
    for (const value of ['', ' ', 'max-age=30,', 'MAX-AGE=30', 'max-age=30; =', 'public max-age=30', 'max-age="30'])
      expect(both(value)).toMatchObject({ secret: true, lifetime: 5 })
  })

  it('takes a lifetime of the wrong type as none', () => {
    for (const value of ['max-age', 'max-age="30"', 'max-age=-1', 'max-age=1.5', 'max-age=(30)', 'max-age=?1'])
      expect(both(value)).toMatchObject({ secret: false, lifetime: 0 })
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(both(value).lifetime).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

it('reads only-if-cached (RFC 9111, 5.2.1.7)', () => {
  expect(onlyIfCached('max-age=0, Only-If-Cached')).toBe(true)
  expect(onlyIfCached('no-cache')).toBe(false)
  expect(onlyIfCached(undefined)).toBe(false)
})
