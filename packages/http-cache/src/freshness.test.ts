import { ageOf } from '@spillway/cache-client'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { policyOf } from './directives.ts'
import { initialAge, lifetimeOf, windowsOf } from './freshness.ts'

const NOW = Date.parse('Sat, 21 Nov 2026 08:00:10 GMT')
const times = { requestAt: 1000, responseAt: 1200, responseDate: NOW }

describe('age (RFC 9111, 4.2.3)', () => {
  it('is at least the time the answer was on its way', () => {
    expect(initialAge({}, times)).toBe(200)
  })

  it('adds that to what the upstream’s Age says, of several values the first', () => {
    expect(initialAge({ age: '5' }, times)).toBe(5200)
    expect(initialAge({ age: '5, 9' }, times)).toBe(5200)
    for (const age of ['-5', '5.5', 'x', '']) expect(initialAge({ age }, times)).toBe(200)
  })

  it('is at least what Date says, in whole seconds', () => {
    expect(initialAge({ date: 'Sat, 21 Nov 2026 08:00:03 GMT' }, times)).toBe(7000)
    expect(initialAge({ date: 'Sat, 21 Nov 2026 08:00:10 GMT' }, { ...times, responseDate: NOW + 999 })).toBe(200)
    for (const date of ['Sat, 21 Nov 2026 09:00:00 GMT', 'yesterday']) expect(initialAge({ date }, times)).toBe(200)
  })

  it('is never negative and grows with the time in the cache', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.nat(), (date, age, later) => {
        const ageMs = initialAge({ date, age }, times)
        expect(ageMs).toBeGreaterThanOrEqual(0)
        expect(ageOf({ ageMs, at: 1200 }, 1200 + later)).toBe(ageMs + later)
      }),
    )
  })
})

describe('lifetime (RFC 9111, 4.2.1, 4.2.2)', () => {
  const lifetime = (headers: Record<string, string>, heuristic: number, status = 200) =>
    lifetimeOf(status, headers, policyOf(headers), { heuristic, ttl: 0 })
  const date = 'Sat, 21 Nov 2026 08:00:10 GMT'
  const dated = { date, 'last-modified': 'Sat, 21 Nov 2026 08:00:00 GMT' }

  it('is what directives or Expires say, whatever might be guessed', () => {
    expect(lifetime({ ...dated, 'cache-control': 'max-age=30' }, 0.1)).toBe(30_000)
    expect(lifetime({ ...dated, expires: '0' }, 0.1)).toBe(0)
  })

  it('is what the route says where nothing is said, unless it is an error or must be revalidated', () => {
    const routed = (headers: Record<string, string>, status = 200) =>
      lifetimeOf(status, headers, policyOf(headers), { heuristic: 0.1, ttl: 7000 })
    for (const status of [200, 203, 204, 300, 301, 308]) expect(routed(dated, status)).toBe(7000)
    expect(routed({ 'cache-control': 'public' })).toBe(7000)
    expect(routed({ 'cache-control': 'max-age=30' })).toBe(30_000)
    for (const said of ['max-age=0', 'max-age=x', 'no-cache']) expect(routed({ 'cache-control': said })).toBe(0)
    expect(routed({ expires: '0' })).toBe(0)
    for (const status of [302, 303, 307, 404, 410, 451]) expect(routed({}, status)).toBe(undefined)
  })

  it('is a share of the time since Last-Modified where nothing is said, a day at most', () => {
    expect(lifetime(dated, 0.1)).toBe(1000)
    expect(lifetime({ ...dated, 'last-modified': 'Sun, 21 Nov 2021 08:00:10 GMT' }, 0.1)).toBe(86_400_000)
    expect(lifetime({ ...dated, 'last-modified': 'Sun, 21 Nov 2027 08:00:10 GMT' }, 0.1)).toBe(0)
  })

  it('is not guessed unless it is wanted, for other statuses only with public, and never without Last-Modified', () => {
    expect(lifetime(dated, 0)).toBe(undefined)
    expect(lifetime(dated, 0.1, 302)).toBe(undefined)
    expect(lifetime({ ...dated, 'cache-control': 'public' }, 0.1, 302)).toBe(1000)
    expect(lifetime({ date }, 0.1)).toBe(undefined)
  })
})

describe('windows of use (RFC 9111, 4.2.4; RFC 5861)', () => {
  const windows = (cacheControl: string, validated = false) => {
    const policy = policyOf({ 'cache-control': cacheControl })
    return windowsOf(policy, (policy.lifetime ?? 0) * 1000, validated)
  }

  it('end with its lifetime where nothing else is said', () => {
    expect(windows('max-age=30')).toEqual({
      fresh: 30_000,
      whileRevalidate: 30_000,
      ifError: 30_000,
      ifAsked: 30_000,
      keep: 30_000,
    })
  })

  it('go beyond it by stale-while-revalidate and stale-if-error; it is kept until the last ends', () => {
    expect(windows('max-age=30, stale-while-revalidate=5, stale-if-error=60')).toEqual({
      fresh: 30_000,
      whileRevalidate: 35_000,
      ifError: 90_000,
      ifAsked: 90_000,
      keep: 90_000,
    })
  })

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=30'])('do not with %s (5.2.2)', (strict) => {
    const { keep, ...used } = windows(`max-age=30, stale-while-revalidate=5, stale-if-error=60, ${strict}`, true)
    expect(used).toEqual({ fresh: 30_000, whileRevalidate: 30_000, ifError: 30_000, ifAsked: 30_000 })
    expect(keep).toBe(630_000)
  })

  it('are none with no-cache: what can be validated is kept for that alone', () => {
    const { keep, ...used } = windows('max-age=30, no-cache, stale-if-error=60', true)
    expect(used).toEqual({ fresh: 0, whileRevalidate: 0, ifError: 0, ifAsked: 0 })
    expect(keep).toBe(600_000)
  })
})
