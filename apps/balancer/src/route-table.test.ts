import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPath } from './reading.ts'
import { AMBIGUOUS, covers, type Place, RouteTable } from './route-table.ts'

/** Routes are told apart by their places, written as `host/path`. */
const table = (...places: Place[]) =>
  new RouteTable(places.map((place) => ({ ...place, route: `${place.host ?? ''}${place.path ?? '/'}` })))

describe('a route', () => {
  const routes = table(
    { host: 'shop.example', path: '/api' },
    { host: '*.shop.example', path: '/' },
    { host: 'eu.shop.example', path: '/never' },
    { path: '/api' },
    { host: 'shop.example' },
    { host: '[::1]', path: '/' },
  )

  it.for([
    ['shop.example', '/api', 'shop.example/api'],
    ['SHOP.Example:8000', '/api/x?y=/z', 'shop.example/api'],
    ['shop.example.', '/API/', 'shop.example/api'],
    ['shop.example.:80', '/api?x', 'shop.example/api'],
    ['shop.example', '/apix', 'shop.example/'],
    ['shop.example', '/', 'shop.example/'],
    ['a.shop.example', '/api', '*.shop.example/'],
    ['a.b.shop.example', '/x', '*.shop.example/'],
    ['eu.shop.example', '/never', '*.shop.example/'],
    ['xshop.example', '/api', '/api'],
    ['shop.example.evil', '/api', '/api'],
    ['[::1]:8000', '/x', '[::1]/'],
    [undefined, '/api', '/api'],
    ['', '/x', undefined],
    [`${'a.'.repeat(5000)}shop.example`, '/api', '/api'],
  ] as const)('for %s%s is %s', ([host, path, route]) => {
    expect(routes.find(host, path)).toBe(route)
  })

  it('alone for everything reads no path', () => {
    expect(table({}).find('any', '/%2e%2e//;x')).toBe('/')
    expect(table({ host: 'a' }).find('a', '/../b')).toBe('a/')
    expect(table({ path: '/a' }).find('a', '/../a')).toBe(AMBIGUOUS)
  })
})

describe('a path that is not for all', () => {
  const routes = table({ path: '/admin' }, { path: '/internal/debug' }, {})

  it.for(['/admin', '/admin?x=/y', '/admin/', '/admin/x', '/ADMIN', '/admin/a;b/%20//c', '/internal/Debug/x'])(
    'has %s',
    (path) => expect(routes.find('a', path)).toMatch(/^\/(admin|internal)/),
  )

  it.for([
    '//admin',
    '/%61dmin',
    '/%2561dmin',
    '/%2fadmin',
    '/./admin',
    '/a/../admin',
    '/a/%2e%2e/admin',
    '/..//admin',
    '/admin;v=1',
    '/x;a=1/../admin',
    '\\admin',
    '/internal//debug/x',
    '/admin/../x',
    '/;x%2finternal/admin',
    '/;x\\internal/admin',
    '/admin/%2e%2e/x',
    '/admin/..%2fx',
    '/x/%252e%252e/admin/%252e%252e/x',
  ])('is not got around by %s', (path) => expect(routes.find('a', path)).toBe(AMBIGUOUS))

  it.for([
    '/',
    '/adminx',
    '/data/admin',
    '/data?path=/admin',
    '/internal',
    '/admin2/',
    '/caf%C3%A9',
    '/a%2Fb//c',
    '/c;d//e',
    '/%',
  ])('leaves %s alone', (path) => expect(routes.find('a', path)).toBe('/'))

  it('is the same for every reader between the strictest and the most lenient, or is refused', () => {
    const once = (path: string) =>
      path.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    const steps: ((path: string) => string)[] = [
      once,
      (path) => path.replaceAll('\\', '/'),
      (path) => path.replaceAll(/\/{2,}/g, '/'),
      (path) => path.replaceAll(/;[^/]*/g, ''),
      (path) => path.toLowerCase(),
      (path) => path.replaceAll(/\/\.(?=\/|$)/g, ''),
      (path) => {
        const kept: string[] = []
        for (const segment of path.split('/')) segment === '..' ? kept.pop() : kept.push(segment)
        return kept.join('/')
      },
    ]
    const piece = fc.constantFrom(
      '/',
      '//',
      '.',
      '..',
      '%2e',
      '%252e',
      '%2f',
      '\\',
      '%5c',
      ';x',
      'admin',
      'ADMIN',
      '%61dmin',
      'internal',
      'debug',
      'a',
      '/admin',
      '/internal/debug',
      '/../',
    )
    const readers = fc.array(fc.constantFrom(...steps), { maxLength: 8 })
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), readers, (pieces, reader) => {
        const path = `/${pieces.join('')}`
        const route = routes.find('a', path)
        if (route === AMBIGUOUS) return
        const read = reader.reduce((text, step) => step(text), path)
        const seen =
          ['/admin', '/internal/debug'].find((prefix) => `${read.toLowerCase()}/`.startsWith(`${prefix}/`)) ?? '/'
        expect(seen).toBe(route)
      }),
      { numRuns: 20_000 },
    )
  })
})

describe('what covers what', () => {
  it.for<[Place, Place, boolean]>([
    [{}, { host: 'a', path: '/b' }, true],
    [{ path: '/b' }, { host: 'a', path: '/B/c' }, true],
    [{ path: '/b/' }, { path: '/b' }, true],
    [{ path: '/b' }, { path: '/bc' }, false],
    [{ host: '*.a' }, { host: 'b.a' }, true],
    [{ host: '*.a' }, { host: '*.b.A' }, true],
    [{ host: '*.a' }, { host: 'a' }, false],
    [{ host: 'b.a' }, { host: '*.a' }, false],
    [{ host: 'a' }, {}, false],
  ])('%j and %j', ([earlier, later, expected]) => expect(covers(earlier, later)).toBe(expected))
})

describe('a reading', () => {
  it('decodes until nothing changes and leaves what is no ASCII', () => {
    expect(readPath('/A%252fb%C3%A9?%41')).toEqual({
      written: '/a%252fb%c3%a9',
      resolved: '/a/b%c3%a9',
      twisted: false,
    })
  })
})
