import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { primaryKey, urlOf, variantKey } from './key.ts'

const url = (origin: string | URL, path: string) => urlOf({ origin, path, method: 'GET' })

describe('keys (RFC 9111, 2)', () => {
  it('a URL is authority, path and query as they are', () => {
    expect(url('http://db', '/data/alpha?x=%2F')).toBe('http://db/data/alpha?x=%2F')
    expect(url(new URL('http://db:80/ignored'), '/data')).toBe('http://db/data')
  })

  it('no two pairs of URL and scope share one', () => {
    const path = fc.stringMatching(/^\/[!-~]*$/)
    fc.assert(
      fc.property(path, fc.string(), path, fc.string(), (pathA, scopeA, pathB, scopeB) => {
        const same = pathA === pathB && scopeA === scopeB
        expect(primaryKey(pathA, scopeA) === primaryKey(pathB, scopeB)).toBe(same)
      }),
    )
  })

  it('a scope cannot pretend to be a variant of another', () => {
    const variant = variantKey(primaryKey('/', 'a'), ['accept'], { accept: 'x' })
    const suffix = variant.slice(primaryKey('/', 'a').length)
    expect(primaryKey('/', `a${suffix}`)).not.toBe(variant)
  })
})

describe('variants (RFC 9111, 4.1)', () => {
  const key = (headers: Parameters<typeof variantKey>[2], ...vary: string[]) => variantKey('k', vary, headers)

  it('differ by the values of the fields named, absent and empty among them', () => {
    const keys = [undefined, '', 'de', 'fr', 'de,fr', 'fr,de'].map((value) =>
      key(value === undefined ? {} : { 'accept-language': value }, 'accept-language'),
    )
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('do not differ by white space, letter case of Accept-*, order of other fields, or how undici was given them', () => {
    const same = [
      { 'accept-encoding': 'gzip, br', 'x-a': '1' },
      { 'X-A': '1', 'Accept-Encoding': 'GZIP ,br,' },
      ['Accept-Encoding', 'gzip', 'x-a', '1', 'Accept-Encoding', 'br'],
      new Map([
        ['accept-encoding', 'gzip,br'],
        ['x-a', '1'],
      ]),
      { 'accept-encoding': ['gzip', 'br'], 'x-a': '1' },
    ]
    expect(new Set(same.map((headers) => key(headers, 'accept-encoding', 'x-a'))).size).toBe(1)
  })

  it('keep the letter case of other fields', () => {
    expect(key({ 'x-a': 'A' }, 'x-a')).not.toBe(key({ 'x-a': 'a' }, 'x-a'))
  })

  it('cannot be confused by what a field holds', () => {
    expect(key({ a: 'x","b":"y' }, 'a', 'b')).not.toBe(key({ a: 'x', b: 'y' }, 'a', 'b'))
  })
})
