import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rewriter } from './rewrite.ts'

describe('a rewritten path', () => {
  it.each([
    ['/items/{id}', '/v1/items/{id}', '/items/a?q=%20a+b&q=/../', '/v1/items/a?q=%20a+b&q=/../'],
    ['/{a}/{b}', '/{b}/x/{a}/', '/1/2', '/2/x/1/'],
    ['/{a}', '/{a}/{a}', '/1?', '/1/1?'],
    ['/{a}', '/fixed', '/1?x', '/fixed?x'],
    ['/x', '/', '/x', '/'],
    // As it was written: not a second encoding, not a decoding.
    ['/{a}', '/v1/{a}', '/%7e%C3%a4%20:@$~', '/v1/%7e%C3%a4%20:@$~'],
    ['/{a}', '/v1/{a}', '/100%25;v=1', '/v1/100%25;v=1'],
    // A parameter that looks like a replacement pattern is none.
    ['/{a}', '/v1/{a}', "/$&$1$'", "/v1/$&$1$'"],
  ])('of %s to %s: %s is asked for as %s', (path, to, asked, rewritten) => {
    expect(rewriter(path, to)(asked)).toBe(rewritten)
  })

  it.each([
    '..',
    '.',
    '',
    '%2e%2E',
    '.%2e',
    '%252e%252e',
    '..;x=1',
    '..%3bx',
    'a%2Fb',
    'a%2fb',
    'a%252fb',
    '..%2fsecret',
    'a%5cb',
    'a\\b',
    'a%3Fb',
    'a%23b',
    'a%00',
    'a%0d%0a',
    '%25252525252f',
  ])('cannot be made of %j, which leads elsewhere', (segment) => {
    expect(rewriter('/items/{id}', '/v1/items/{id}/open')(`/items/${segment}`)).toBeUndefined()
  })

  it('stays where the route leads, whoever reads it and however often', () => {
    const bits = fc.constantFrom('.', '%', '2', 'e', 'E', '5', 'c', 'F', 'f', ';', '\\', '25', '%2e', '%2f', '%5C', 'a')
    const segment = fc.array(bits, { minLength: 1, maxLength: 12 }).map((each) => each.join(''))
    fc.assert(
      fc.property(segment, fc.integer({ min: 0, max: 6 }), (given, times) => {
        let path = rewriter('/{a}', '/v1/{a}/end')(`/${given}`)
        if (path === undefined) return
        expect(path).toBe(`/v1/${given}/end`)
        for (let n = 0; n < times; n++) path = path.replaceAll(/%[0-7][0-9a-f]/gi, (each) => decodeURIComponent(each))
        const read = new URL(path, 'http://x').pathname
        expect(read.split('/')).toMatchObject({ length: 4, 1: 'v1', 3: 'end' })
      }),
      { numRuns: 2000 },
    )
  })
})
