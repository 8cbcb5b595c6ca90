import { YamlError } from '@spillway/service'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { readRoutes } from './read.ts'

/** As it stands in a file. */
const DB_URL = `\${DB_URL}`
const variables = { DB_URL: 'http://127.0.0.1:5002' }
const read = (text: string) => readRoutes(text, { file: 'gateway.routes.yaml', variables })

async function mistakesIn(text: string) {
  try {
    await read(text)
  } catch (error) {
    if (error instanceof YamlError) return error.mistakes
    throw error
  }
  return []
}

/** The smallest good file with one route, which `changed` is laid over. */
const one = (changed: object = {}) =>
  stringify({
    upstreams: { db: { endpoints: DB_URL } },
    routes: [{ path: '/data', methods: ['GET'], upstream: 'db', auth: 'signed-in', ...changed }],
  })

const word = fc.stringMatching(/^[a-z]{1,8}$/)
const scalar = fc.constantFrom<object>(
  { type: 'string', maxLength: 8 },
  { type: 'integer', minimum: 1 },
  { type: ['string', 'null'] },
)
const schema = fc.record({ type: fc.constant('object'), properties: fc.dictionary(word, scalar) })
const optional = { requiredKeys: ['auth', 'methods'] as ['auth', 'methods'] }
/** None that a hop writes begins so. */
const field = word.map((name) => `y-${name}`)
const changes = fc.record({ set: fc.dictionary(field, word), remove: fc.array(field) }, { requiredKeys: [] })
const share = fc.double({ min: 0, max: 1, noNaN: true })
const goodRoute = fc.record(
  {
    methods: fc.uniqueArray(fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'), { minLength: 1 }),
    auth: fc.oneof(
      fc.constant('public'),
      fc.constant('signed-in'),
      word.map((role) => ({ role })),
      fc.constant({ owner: 'id' }),
      word.map((role) => ({ owner: 'id', role })),
    ),
    identity: fc.constantFrom('none', 'forward'),
    timeout: fc.integer({ min: 1, max: 15 }).map((seconds) => `${seconds}s`),
    bodyLimit: fc.integer({ min: 1, max: 900 }).map((kilobytes) => `${kilobytes}kB`),
    summary: fc.string({ minLength: 1 }),
    request: fc.record({ query: schema, body: schema }),
    rewrite: fc.constantFrom('/', '/v1/items', '/v1/'),
    headers: fc.record({ request: changes, response: changes }, { requiredKeys: [] }),
    cors: fc.record(
      {
        origins: fc.uniqueArray(fc.constantFrom('https://app.example', 'http://localhost:3000'), { minLength: 1 }),
        exposed: fc.array(field),
        credentials: fc.boolean(),
        maxAge: fc.constantFrom('0s', '10m'),
      },
      { requiredKeys: ['origins'] },
    ),
    faults: fc.record(
      {
        delay: fc.record({ for: fc.constantFrom('0ms', '200ms', '14.5s', '15s'), share }),
        abort: fc.record({ status: fc.integer({ min: 400, max: 599 }), share }),
      },
      { requiredKeys: [] },
    ),
    websocket: fc.constant(false),
    responses: fc.constant({ 200: { description: 'fine' }, 404: { description: 'none' } }),
  },
  optional,
)
/** Routes whose paths differ by their place in the list. */
const goodFile = fc.array(goodRoute, { minLength: 1, maxLength: 8 }).map((routes) => ({
  upstreams: {
    db: { endpoints: DB_URL },
    other: { endpoints: 'http://10.0.0.1:8080,http://10.0.0.2', check: '/health' },
  },
  routes: routes.map((route, index) => ({ path: `/r${index}/{id}`, upstream: index % 2 ? 'other' : 'db', ...route })),
}))

type Planted = Record<string, unknown> & { path: string }
/** Each spoils one route; the mark it is given stands on the line that must be named, and on no other. */
const slips: ((route: Planted, mark: string) => Planted)[] = [
  (route, mark) => ({ ...route, [mark]: true }),
  (route, mark) => ({ ...route, upstream: mark }),
  (route, mark) => ({ ...route, auth: mark }),
  (route, mark) => ({ ...route, auth: { role: mark.toUpperCase() } }),
  (route, mark) => ({ ...route, auth: { owner: mark } }),
  (route, mark) => ({ ...route, auth: { role: 'admin', owner: mark } }),
  (route, mark) => ({ ...route, path: mark }),
  (route, mark) => ({ ...route, path: `/${mark}/{id}/{id}` }),
  (route, mark) => ({ ...route, path: `/admin/${mark}/{id}` }),
  (route, mark) => ({ ...route, timeout: mark }),
  (route, mark) => ({ ...route, bodyLimit: mark }),
  (route, mark) => ({ ...route, cache: mark }),
  ...[
    'scope',
    'clientDirectives',
    'earlyRefresh',
    'fills',
    'heuristic',
    'maxBodyBytes',
    'negativeTtl',
    'storeSetCookie',
    'ttl',
  ].map((member) => (route: Planted, mark: string) => ({ ...route, cache: { scope: 'public', [member]: mark } })),
  (route, mark) => ({ ...route, cache: { scope: 'public', [mark]: 1 } }),
  (route, mark) => ({ ...route, cache: { scope: 'public', headers: [`not a name ${mark}`] } }),
  (route, mark) => ({ ...route, identity: mark }),
  (route, mark) => ({ ...route, interceptors: [mark] }),
  (route, mark) => ({ ...route, interceptors: [`./${mark}.ts`] }),
  (route, mark) => ({ ...route, rewrite: mark }),
  (route, mark) => ({ ...route, websocket: mark }),
  (route, mark) => ({ ...route, faults: { delay: { for: mark, share: 1 } } }),
  (route, mark) => ({ ...route, faults: { [mark]: { share: 1 } } }),
  (route, mark) => ({ ...route, cors: { origins: [`https://${mark}.example/`] } }),
  (route, mark) => ({ ...route, cors: { origins: ['*'], maxAge: mark } }),
  (route, mark) => ({ ...route, headers: { request: { set: { [`${mark}:`]: 'x' } } } }),
  (route, mark) => ({ ...route, headers: { response: { [mark]: {} } } }),
  (route, mark) => ({ ...route, headers: { response: { remove: [`not a name ${mark}`] } } }),
  (route, mark) => ({ ...route, rewrite: `/v1/{${mark}}` }),
  (route, mark) => ({ ...route, methods: ['PUT', mark] }),
  (route, mark) => ({ ...route, request: { [mark]: {} } }),
  (route, mark) => ({ ...route, request: { body: { [mark]: 1 } } }),
  (route, mark) => ({ ...route, request: { body: { type: mark } } }),
  (route, mark) => ({ ...route, request: { query: { type: mark, properties: {} } } }),
  (route, mark) => ({ ...route, request: { params: { type: 'object', properties: { [mark]: {} } } } }),
  (route, mark) => ({ ...route, request: { body: { properties: { a: { items: { pattern: `(${mark}` } } } } } }),
  (route, mark) => ({ ...route, responses: { [mark]: { description: 'odd' } } }),
]

describe('a routes file', () => {
  it('is read as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(goodFile, async (file) => {
        const { clusters, routes } = await read(stringify(file))
        expect(Object.entries(clusters).map(([name, { options }]) => [name, options])).toEqual([
          ['db', { endpoints: ['http://127.0.0.1:5002'] }],
          ['other', { endpoints: ['http://10.0.0.1:8080', 'http://10.0.0.2'], check: { path: '/health' } }],
        ])
        for (const [index, written] of file.routes.entries()) {
          const { timeout, bodyLimit, ...same } = written
          expect(routes[index]).toMatchObject(same)
          expect(routes[index]?.timeoutMs).toBe(Number.parseInt(timeout ?? '15', 10) * 1000)
          expect(routes[index]?.bodyLimit).toBe(bodyLimit && Number.parseInt(bodyLimit, 10) * 1000)
        }
      }),
    )
  })

  it('has every planted mistake named, with its line', async () => {
    const planted = fc.tuple(
      goodFile,
      fc.array(fc.option(fc.constantFrom(...slips), { nil: undefined }), { minLength: 8, maxLength: 8 }),
    )
    await fc.assert(
      fc.asyncProperty(planted, async ([file, chosen]) => {
        const marks: string[] = []
        const routes = file.routes.map((route, index) => {
          const slip = chosen[index]
          if (!slip) return route
          marks.push(`mark${index}x`)
          return slip(route, `mark${index}x`)
        })
        const text = stringify({ ...file, routes })
        const expected = marks.map((mark) => text.split('\n').findIndex((line) => line.toLowerCase().includes(mark)))
        expect((await mistakesIn(text)).map(({ line }) => line)).toEqual(expected.map((index) => index + 1))
      }),
      { numRuns: 300 },
    )
  })

  it('never breaks the reader, whatever it holds', async () => {
    const bits = fc.constantFrom(
      'routes:',
      'upstreams:',
      '- ',
      '&a ',
      '*a',
      '[',
      ']',
      '{',
      '}',
      ': ',
      '\n',
      '  ',
      '"',
      'path',
      '/x',
      '!!x',
      '<<',
      '? ',
      '---',
      '#',
      '5',
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(bits, { maxLength: 40 }).map((parts) => parts.join('')),
    )
    await fc.assert(
      fc.asyncProperty(text, async (source) => (await mistakesIn(source)).length > 0),
      { numRuns: 2000 },
    )
    await fc.assert(fc.asyncProperty(fc.jsonValue(), async (value) => (await mistakesIn(stringify(value))).length > 0))
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        await mistakesIn(one({ request: { body: value, query: value }, cache: value, responses: value }))
      }),
    )
  })

  it('names what would be right', async () => {
    const text = one({ auth: 'singed-in', timeout: '15', cache: { scope: 'all' }, sumary: 'x' })
    expect((await mistakesIn(text)).map((m) => m.message)).toEqual([
      'routes[0].auth is "singed-in"; it must be public, signed-in, a role such as { role: editor }, or { owner: NAME } with a {NAME} of the path',
      'routes[0].timeout is "15"; it must be a duration such as 250ms, 30s, 5m',
      'routes[0].cache.scope is "all"; it must be one of public, role, user',
      'routes[0].sumary is not a known key; did you mean summary?',
    ])
  })

  it('names what would be right of how answers are cached', async () => {
    const cache = {
      scope: 'public',
      ttl: 30,
      fills: 0,
      heuristic: 2,
      earlyRefresh: -1,
      headers: [],
      clientDirective: 'honour',
      maxBodyBytes: '2MB',
      storeSetCookie: 'yes',
    }
    expect((await mistakesIn(one({ cache }))).map((m) => m.message)).toEqual([
      'routes[0].cache.ttl is 30; it must be a duration such as 250ms, 30s, 5m',
      'routes[0].cache.fills is 0; it must be a whole number from 1 to 100000',
      'routes[0].cache.heuristic is 2; it must be a number from 0 to 1',
      'routes[0].cache.earlyRefresh is -1; it must be a number from 0 to 100',
      'routes[0].cache.headers is []; it must be a list of request fields such as [accept-language]',
      'routes[0].cache.clientDirective is not a known key; did you mean clientDirectives?',
      'routes[0].cache.maxBodyBytes is "2MB"; it must be a size such as 64kB, at most 1920KiB',
      'routes[0].cache.storeSetCookie is "yes"; it must be true or false',
    ])
    expect(await mistakesIn(one({ cache: { ttl: '30s' } }))).toMatchObject([
      { line: 11, message: 'routes[0].cache lacks scope, which must be one of public, role, user' },
    ])
  })

  it('has routes that answer by themselves, and says what they may not', async () => {
    const own = (task: object, changed: object = {}) => one({ upstream: undefined, ...task, ...changed })
    const said = async (text: string) => (await mistakesIn(text)).map((m) => m.message)
    expect(await said(own({ redirect: { to: 'https://shop.example/new', status: 308 } }))).toEqual([])
    expect(await said(own({ redirect: { to: '/new/{id}?a#b' } }, { path: '/old/{id}' }))).toEqual([])
    expect(
      await said(own({ answer: { status: 410, body: 'gone', headers: { 'content-type': 'text/plain' } } })),
    ).toEqual([])
    expect(await said(own({}))).toEqual(['routes[0] lacks what it does: one of upstream, redirect, answer'])
    expect(await said(own({ redirct: { to: '/x' } }))).toEqual([
      'routes[0].redirct is not a known key; did you mean redirect?',
    ])
    expect(await said(own({ redirect: { to: 'x' } }))).toEqual([
      expect.stringContaining('redirect.to is "x"; it must be'),
    ])
    expect(await said(one({ redirect: { to: '/x' } }))).toEqual([
      'routes[0].redirect is beside upstream; a route does one of them',
    ])
    expect(await said(own({ answer: {} }, { cache: 'none', timeout: '5s' }))).toEqual([
      'routes[0].cache is declared, but answer asks no upstream; leave it out',
      'routes[0].timeout is declared, but answer asks no upstream; leave it out',
    ])
    expect(await said(own({ answer: { status: 204, body: 'x' } }))).toEqual([
      expect.stringContaining('a 204 has no body'),
    ])
    expect(await said(own({ redirect: { to: '/new/*' } }))).toEqual([
      expect.stringContaining('nothing is below the path'),
    ])
    expect(await said(own({ redirect: { to: '/new/{id}' } }))).toEqual([
      expect.stringContaining('{id}, which is not in'),
    ])
    for (const to of ['https://{id}/', 'https://x{id}', '/x{id}', '/{id}x', '/x?{id}']) {
      expect(await said(own({ redirect: { to } }, { path: '/y/{id}' }))).toEqual([
        expect.stringContaining('a whole segment'),
      ])
    }
  })

  it('names what would be right of who may read answers', async () => {
    const said = async (cors: object, changed: object = {}) =>
      (await mistakesIn(one({ cors, ...changed }))).map((m) => m.message)
    expect(await said({ origins: ['https://app.example', 'http://localhost:3000'], credentials: true })).toEqual([])
    expect(await said({ origins: ['*'], exposed: ['etag'] })).toEqual([])
    for (const origin of [
      'null',
      'app.example',
      'https://app.example/',
      'https://App.example',
      'https://app.example:443',
      'https://*.app.example',
      'https://ä.example',
      'file://',
    ]) {
      expect(await said({ origins: [origin] })).toEqual([
        expect.stringContaining('must be an origin as browsers send it'),
      ])
    }
    expect(await said({})).toEqual([expect.stringContaining('lacks origins, which must be a list such as')])
    expect(await said({ origins: ['*', 'https://app.example'] })).toEqual([
      expect.stringContaining('has * beside others'),
    ])
    expect(await said({ origins: ['*'], credentials: true })).toEqual([expect.stringContaining('but origins is *')])
    expect(await said({ origins: ['*'], headers: ['*'] })).toEqual([expect.stringContaining('must be a field’s name')])
    expect(await said({ origins: ['*'], methods: ['GET', 'PUT'] })).toEqual([
      'routes[0].cors.methods[1] is PUT, which the route does not take; it takes GET',
    ])
    expect(await said({ origins: ['*'] }, { headers: { response: { remove: ['Access-Control-Max-Age'] } } })).toEqual([
      'routes[0].headers.response changes Access-Control-Max-Age, which cors writes; leave it to that',
    ])
  })

  it('may not lead in circles', async () => {
    const to = (path: string, to: string) => ({ path, methods: ['GET'], auth: 'public', redirect: { to } })
    const routes = [to('/a', '/b?x'), to('/b', '/c/1'), to('/c/{id}', '/a'), to('/d/{id}', '/d/own'), to('/x', '/a')]
    const file = (more: object[]) =>
      stringify({ upstreams: { db: { endpoints: DB_URL } }, routes: [...routes, ...more] })
    expect((await mistakesIn(file([]))).map(({ message }) => message)).toEqual(
      [0, 1, 2, 3].map((index) => `routes[${index}].redirect.to leads back to here, without an end`),
    )
    expect(await mistakesIn(file([to('/d/own', '/e'), to('/c/1', '/e')]))).toEqual([])
  })

  it('may not change fields that a hop writes, or that say who asks', async () => {
    const headers = {
      request: { set: { Authorization: 'x', 'X-Forwarded-For': 'x', 'x-fine': 'x' }, remove: ['cookie', 'Host'] },
      response: { set: { 'transfer-encoding': 'x' }, remove: ['www-authenticate', 'x-powered-by'] },
    }
    expect((await mistakesIn(one({ headers }))).map(({ message }) => message.split(' is not')[0])).toEqual([
      'routes[0].headers.request.set.Authorization',
      'routes[0].headers.request.set.X-Forwarded-For',
      'routes[0].headers.request.remove[1] Host',
      'routes[0].headers.response.set.transfer-encoding',
      'routes[0].headers.response.remove[0] www-authenticate',
    ])
  })

  it('gives line and column of a key that is not known', async () => {
    expect(await mistakesIn(one({ cach: 'none' }))).toMatchObject([{ line: 10, column: 5 }])
  })

  it('may not declare a method of a path twice, whatever its names are called', async () => {
    const route = { methods: ['GET'], upstream: 'db', auth: 'public' }
    const text = stringify({
      upstreams: { db: { endpoints: 'http://10.0.0.1' } },
      routes: [
        { path: '/data/{key}', ...route },
        { path: '/data/{id}', ...route },
      ],
    })
    expect(await mistakesIn(text)).toMatchObject([
      { line: 10, message: 'routes[1].path takes GET again: the route of line 5 has GET /data/{} already' },
    ])
  })

  it.each([
    ['a key that stands there twice', `${one()}routes: []\n`, /unique/],
    ['no routes', one().replace(/routes:[\s\S]*/, 'routes: []'), /list of at least one route/],
    ['a variable that is not set', one().replace('DB_URL', 'DB_ULR'), /needs \$\{DB_ULR\}, which is not set/],
    ['an endpoint that is no origin', one().replace(DB_URL, 'http://a/path'), /comma-separated origins/],
    ['a name with a path', one().replace(DB_URL, 'dns+http://a/path'), /or dns\+http:\/\/name:5000 for each address/],
    ['a name twice', one().replace(DB_URL, 'dns+http://a:80, dns+http://A'), /dns\+http:\/\/a again/],
    ['an endpoint twice', one().replace(DB_URL, 'http://a:80, http://a'), /http:\/\/a again/],
    ['a tag of its own', `${one()}    timeout: !soon 5s\n`, /Unresolved tag/],
    ['no upstream for /login', one({ upstream: 'x' }).replace('db:', 'x:'), /lacks db, the service that \/login asks/],
    ['a body for GET', one({ request: { body: {} } }), /GET has no body/],
    ['a cache for writes', one({ methods: ['PUT'], cache: { scope: 'user' } }), /only answers to GET are cached/],
    ['a check that is no path', one().replace(DB_URL, `${DB_URL}\n    check: ready`), /check is "ready"; .* or none/],
    ['a mount that is no path', one({ mount: 'http://a/b' }), /mount is "http:\/\/a\/b"; it must come to a path/],
    ['a mount of a variable that is not set', one({ mount: `\${NOWHERE}` }), /mount needs \$\{NOWHERE\}/],
    ['a mount of a path with names', one({ path: '/data/{key}', mount: '/' }), /what is mounted has none/],
    ['a mount that is cached', one({ mount: '/', cache: 'none' }), /cache is declared, but what is mounted/],
    ['a mount that is checked', one({ mount: '/', request: {} }), /request is declared, but what is mounted/],
    ['a rewritten path with dots', one({ rewrite: '/v1/../x' }), /rewrite is "\/v1\/\.\.\/x"; it must be a path/],
    [
      'a rewritten path of names it has not',
      one({ rewrite: '/{id}' }),
      /has \{id\}, .* not in the path; that has no names/,
    ],
    ['a mount that is rewritten', one({ mount: '/', rewrite: '/x' }), /rewrite is declared, but mount leads elsewhere/],
    ['a fault that lasts', one({ faults: { delay: { for: '16s', share: 1 } } }), /such as 200ms, at most 15s/],
    ['a fault of no share', one({ faults: { abort: { status: 503 } } }), /abort lacks share, which must be a share of/],
    ['a fault that is none', one({ faults: { abort: { status: 200, share: 1 } } }), /a whole number from 400 to 599/],
    ['a fault for nobody', one({ upstream: undefined, answer: {}, faults: {} }), /faults is declared, but answer asks/],
    [
      'a WebSocket that does not begin',
      one({ methods: ['PUT'], websocket: true }),
      /websocket is true, but .* take GET/,
    ],
    ['a private cache on a public route', one({ auth: 'public', cache: { scope: 'user' } }), /scope must be public/],
    ['a method twice', one({ methods: ['GET', 'GET'] }), /twice/],
    ['a timeout of nothing', one({ timeout: '0s' }), /more than 0/],
    ['a timeout beyond what every hop waits', one({ timeout: '16s' }), /at most 15s/],
    ['a schema that contains itself', `${one()}    request: { body: &b { properties: { a: *b } } }\n`, /alias/],
  ])('may not have %s', async (_, text, message) => {
    expect((await mistakesIn(text)).map((mistake) => mistake.message).join('\n')).toMatch(message)
  })

  it('may write without a purge only what no other route caches', async () => {
    const write = (changed: object) =>
      stringify({
        upstreams: { db: { endpoints: DB_URL } },
        routes: [
          { path: '/a/{key}', methods: ['GET'], upstream: 'db', auth: 'public', ...changed },
          { path: '/a/{id}', methods: ['PUT'], upstream: 'db', auth: 'public', cache: 'none' },
        ],
      })
    expect(await mistakesIn(write({}))).toMatchObject([
      {
        line: 15,
        message: expect.stringMatching(/^routes\[1\]\.cache leaves what is cached of \/a\/\{id\} as it is .*line 5/),
      },
    ])
    expect(await mistakesIn(write({ cache: 'none' }))).toEqual([])
  })

  it('may write without a purge only what no other route caches upstream', async () => {
    const file = (changed: object) =>
      stringify({
        upstreams: { db: { endpoints: DB_URL }, other: { endpoints: DB_URL } },
        routes: [
          { path: '/a/{key}', methods: ['GET'], upstream: 'db', auth: 'public', rewrite: '/v1/{key}' },
          { path: '/b/{id}', methods: ['PUT'], upstream: 'db', auth: 'public', cache: 'none', ...changed },
        ],
      })
    expect(await mistakesIn(file({}))).toEqual([])
    expect(await mistakesIn(file({ rewrite: '/v1/{id}' }))).toMatchObject([{ line: 18 }])
    expect(await mistakesIn(file({ rewrite: '/v1/{id}', upstream: 'other' }))).toEqual([])
  })

  it('may name upstreams whose addresses are all endpoints', async () => {
    const text = one().replace(DB_URL, `dns+http://Db:5002/, ${DB_URL}`)
    expect((await read(text)).clusters['db']?.options.endpoints).toEqual([
      'dns+http://db:5002',
      'http://127.0.0.1:5002',
    ])
  })

  it('mounts a path on what variables come to', async () => {
    const text = one({ mount: DB_URL.replace('DB_URL', 'BASE') })
    const { routes } = await readRoutes(text, { file: 'x', variables: { ...variables, BASE: '/base/' } })
    expect(routes[0]).toMatchObject({ path: '/data', mount: '/base/' })
  })

  it('caches per user by default, and publicly on public routes', async () => {
    const scopeOf = async (changed: object) => (await read(one(changed))).routes[0]?.cacheScope
    expect(await scopeOf({})).toBe('user')
    expect(await scopeOf({ auth: 'public' })).toBe('public')
    expect(await scopeOf({ path: '/data/{id}', auth: { owner: 'id' } })).toBe('user')
    expect(await scopeOf({ cache: 'none' })).toBe('none')
    expect(await scopeOf({ cache: { scope: 'role' } })).toBe('role')
  })
  it('says how answers are cached, times in milliseconds', async () => {
    const optionsOf = async (cache: object) => (await read(one({ cache }))).routes[0]?.cacheOptions
    const told = { clientDirectives: 'honour', earlyRefresh: 0.5, fills: 4, headers: ['Accept'], heuristic: 0.1 }
    const written = { ...told, storeSetCookie: true, maxBodyBytes: '64kB', negativeTtl: '2s', ttl: '1.5s' }
    const known = { ...told, storeSetCookie: true, maxBodyBytes: 64_000, negativeTtl: 2000, ttl: 1500 }
    expect(await optionsOf({ scope: 'user', ...written })).toEqual(known)
    expect(await optionsOf({ scope: 'user' })).toEqual({})
    expect((await read(one({ cache: 'none' }))).routes[0]?.cacheOptions).toEqual({})
  })
})
