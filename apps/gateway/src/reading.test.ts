import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { climbs, isTwisted } from './reading.ts'

describe('a path is read by everybody as it is written', () => {
  it.each([
    '/items/a',
    '/items/a?/../\\',
    '/items/.hidden/...',
    '/items/a%2Fb%20%C3%A9/orders',
    '/items/100%25;v=1',
    '/items/a%3Fb%23%00',
    "/items/~$&@:,=!'()*+",
  ])('%s', (path) => {
    expect([isTwisted(path), climbs(path)]).toEqual([false, false])
  })
})

describe('a path can be read as another one', () => {
  it.each([
    '/items/..',
    '/items/../secret',
    '/items/%2e%2E/secret?q',
    '/items/.%2e',
    '/items/%252e%252e',
    '/items/..%2fsecret',
    '/items/a%2f..%2f..%2fsecret',
    '/items/..\\secret',
    '/items/a%5c..%5csecret',
    '/items/..;/secret',
    '/items/..%3bx/secret',
    '/items/..%00/secret',
    '/items/.%09./secret',
    '/items/..%3fx',
  ])('%s, which leads above it', (path) => {
    expect([isTwisted(path), climbs(path)]).toEqual([true, true])
  })

  it.each([
    '/items/',
    '/items/?q',
    '/items//orders',
    '/items/.',
    '/items/%2e/x',
    '/items/;x',
    '/items/a%2f',
    '/items/a\\b',
  ])('%s, which has fewer or more segments', (path) => {
    expect([isTwisted(path), climbs(path)]).toEqual([true, false])
  })

  it('unless whoever resolves it finds the segments that we did', () => {
    const bits = fc.constantFrom('.', '%', '2', 'e', 'E', '5', 'c', ';', '\\', '/', '?', '25', '%2e', '%5C', '%09', 'a')
    fc.assert(
      fc.property(fc.array(bits, { maxLength: 12 }), (given) => {
        const path = `/items/${given.join('')}`
        if (isTwisted(path)) return
        const written = path.split('?', 1)[0] as string
        expect(new URL(path, 'http://x').pathname.split('/')).toHaveLength(written.split('/').length)
        expect(new URL(written.replaceAll(/;[^/]*/g, ''), 'http://x').pathname).toMatch(/^\/items\/[^/]/)
      }),
      { numRuns: 5000 },
    )
  })
})
