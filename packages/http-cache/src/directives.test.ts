import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCacheControl, policyOf } from './directives.ts'

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
    ['s-maxage, max-age=30', 0],
    ['max-age=-1', 0],
    ['max-age=+1', 0],
    ['max-age=1.5', 0],
    ['max-age=30 s', 0],
    ["max-age='30'", 0],
    ['', undefined],
    [',,', undefined],
    ['no-cache', undefined],
  ])('%s lives %d seconds (4.2.1)', (value, seconds) => {
    expect(cc(value).lifetime).toBe(seconds)
  })

  it('keeps secret what is private, in either form and letter case; no-store is a word of its own (5.2.2)', () => {
    for (const value of ['private', 'Private', 'private="x-a"', 'max-age=30, private', 'private;', 'private x'])
      expect(cc(value).secret).toBe(true)
    for (const value of ['public', 'foo="private"', 'x-private', 'privately']) expect(cc(value).secret).toBe(false)
    for (const value of ['no-store', 'No-Store', 'no-store;']) expect(cc(value).unstored).toBe(true)
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
        expect(cc(value).revalidated).toBe(true)
      }),
    )
    fc.assert(
      fc.property(fc.string(), (value) => {
        parseCacheControl(value)
        expect(cc(value).lifetime ?? 0).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  it('takes time in proportion to the length of a hostile value', () => {
    const started = performance.now()
    for (const part of ['"', '\\"', ' ', '= ', 'a=" ', ',']) parseCacheControl(part.repeat(16_384 / part.length))
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

describe('Expires (RFC 9111, 5.3)', () => {
  const date = 'Sat, 21 Nov 2026 08:00:00 GMT'
  const expiring = (expires: string, rest = {}) => policyOf({ date, expires, ...rest }).lifetime

  it('lives until then from its Date on, where no directive says how long', () => {
    expect(expiring('Sat, 21 Nov 2026 08:00:30 GMT')).toBe(30)
    expect(expiring('Sat, 21 Nov 2026 08:00:30 GMT', { 'cache-control': 'public' })).toBe(30)
    expect(expiring('Sat, 21 Nov 2026 08:00:30 GMT', { 'cache-control': 'max-age=5' })).toBe(5)
  })

  it('without a Date, from now on', () => {
    const soon = new Date(Date.now() + 30_000).toUTCString()
    expect(policyOf({ expires: soon }).lifetime).toBeCloseTo(30, -1)
  })

  it('is past where it is before Date or no date at all, 0 above all', () => {
    for (const expires of ['Sat, 21 Nov 2026 07:59:59 GMT', '0', '', 'soon', `${date}, ${date}`])
      expect(expiring(expires)).toBe(0)
  })

  it('does not count beside CDN-Cache-Control (RFC 9213, 2.2)', () => {
    expect(expiring('Sat, 21 Nov 2026 08:00:30 GMT', { 'cdn-cache-control': 'public' })).toBe(undefined)
  })
})

describe('how it may be used (RFC 9111, 5.2.2; RFC 5861)', () => {
  it('never stale with must-revalidate, proxy-revalidate or s-maxage', () => {
    for (const value of ['must-revalidate', 'Proxy-Revalidate', 's-maxage=5']) expect(cc(value).strict).toBe(true)
    for (const value of ['max-age=5', 'no-cache', 'stale-if-error=5']) expect(cc(value).strict).toBe(false)
  })

  it('revalidated before each use with no-cache, with fields as without', () => {
    for (const value of ['no-cache', 'max-age=30, No-Cache', 'no-cache="set-cookie"'])
      expect(cc(value).revalidated).toBe(true)
  })

  it('for so long past its lifetime as stale-while-revalidate and stale-if-error say; not at all if they say nothing valid', () => {
    expect(cc('stale-while-revalidate=5, stale-if-error=60')).toMatchObject({ whileRevalidate: 5, ifError: 60 })
    expect(cc('stale-while-revalidate, stale-if-error=-1')).toMatchObject({ whileRevalidate: 0, ifError: 0 })
  })
})

describe('CDN-Cache-Control (RFC 9213)', () => {
  const both = (cdn: string | string[]) => policyOf({ 'cdn-cache-control': cdn, 'cache-control': 'private, max-age=5' })

  it('stands alone where it is valid', () => {
    expect(both('public, max-age=30, stale-while-revalidate=60, stale-if-error=90')).toEqual({
      unstored: false,
      understood: false,
      secret: false,
      revalidated: false,
      strict: false,
      public: true,
      shared: true,
      lifetime: 30,
      whileRevalidate: 60,
      ifError: 90,
    })
    expect(both('no-store')).toMatchObject({ unstored: true, secret: false, lifetime: undefined })
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
        expect(both(value).lifetime ?? 0).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})
