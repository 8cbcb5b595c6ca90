/**
 * An origin that reflects whatever it is sent and says that everybody may have it; attackers who make the most of that;
 * and victims who ask as everybody does. After PortSwigger's "Practical Web Cache Poisoning", "Web Cache Entanglement",
 * "Gotta cache 'em all", and "Your Cache Has Fallen" (CPDoS).
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryCache } from './memory-cache.ts'
import { type Answer, until, World } from './world.ts'

const EVIL = 'evil.example'
const forAll = { 'cache-control': 'public, max-age=60' }
type Fields = Record<string, string | string[]>

let world: World
beforeEach(async () => {
  world = await World.open(new MemoryCache())
  reflect(forAll)
})
afterEach(() => world.close())

/** Everything that came, in body and headers. */
function reflect(headers: Fields, status = 200) {
  world.respond = (request, response) => {
    const came = JSON.stringify([request.method, request.url, request.rawHeaders])
    response.writeHead(status, { ...headers, location: came, 'x-reflected': came }).end(came)
  }
}

/** Undefined members of a 1xx or of a trailer are none. */
const all = ({ status, headers, body }: Answer) => JSON.stringify({ status, headers, body })

describe('an answer that one client’s fields may have changed is not for others', () => {
  it.each<[string, string]>([
    ['x-forwarded-host', EVIL],
    ['X-Forwarded-Host', `127.0.0.1:1337/${EVIL}`],
    ['x-forwarded-scheme', EVIL],
    ['x-forwarded-proto', EVIL],
    ['x-forwarded-port', EVIL],
    ['x-forwarded-prefix', `/${EVIL}`],
    ['x-forwarded-server', EVIL],
    ['x-forwarded-path', EVIL],
    ['x-host', EVIL],
    ['x-http-host-override', EVIL],
    ['x-original-url', `/${EVIL}`],
    ['x-original-host', EVIL],
    ['x-rewrite-url', `/${EVIL}`],
    ['x-http-method-override', EVIL],
    ['x-http-method', EVIL],
    ['x-method-override', EVIL],
    ['x-url-scheme', EVIL],
    ['front-end-https', EVIL],
    ['forwarded', `for=10.0.0.1;host=${EVIL}`],
    ['forwarded', `host="${EVIL}";proto=https`],
    ['host', EVIL],
    ['host', `127.0.0.1:1337@${EVIL}`],
    ['range', `bytes=0-0,${EVIL}`],
    ['if-range', `"${EVIL}"`],
    ['if-none-match', `"${EVIL}"`],
    ['if-modified-since', EVIL],
    ['x-timeout-ms', EVIL],
    ['if-match', `"${EVIL}"`],
    ['if-unmodified-since', EVIL],
  ])('%s: %s', async (name, value) => {
    for (const method of ['GET', 'HEAD']) await world.ask({ method, headers: { [name]: value } })
    const victims = [await world.ask(), await world.ask()]
    for (const victim of victims) expect(all(victim)).not.toContain(EVIL)
    expect(victims[1]?.exchange.cacheStatus).toMatch(/^hit/)
    // Nor is what attackers get worth anything to them: they have their own.
    await world.ask({ headers: { [name]: value } })
    expect(all(await world.ask())).not.toContain(EVIL)
  })

  it.each<[string, Fields, Fields]>([
    [
      'a cookie, where the answer is not said to be for all',
      { cookie: `session=${EVIL}` },
      { 'cache-control': 'max-age=60' },
    ],
    ['the site of a script', { origin: EVIL }, { ...forAll, 'access-control-allow-origin': EVIL }],
    ['what its reader can decode', { 'accept-encoding': EVIL }, { ...forAll, 'content-encoding': EVIL }],
    ['what the answer says that it varies by', { 'x-theme': EVIL }, { ...forAll, vary: 'X-Theme' }],
    ['the same, in the second line', { 'x-theme': EVIL }, { ...forAll, vary: ['accept', ' ,, x-theme,'] }],
    ['whatever it may be', { 'x-any': EVIL }, { ...forAll, vary: '*' }],
    ['who is signed in', { authorization: EVIL }, { 'cache-control': 'max-age=60' }],
  ])('%s', async (_, headers, answer) => {
    reflect(answer)
    for (let times = 0; times < 3; times++) await world.ask({ headers })
    world.respond = (request, response) => {
      const reflected = JSON.stringify(request.rawHeaders)
      response.writeHead(200, { ...forAll, 'x-reflected': reflected }).end(reflected)
    }
    for (let times = 0; times < 3; times++) expect(all(await world.ask())).not.toContain(EVIL)
  })

  it('a field that the upstream goes by without saying so, where the route names it', async () => {
    const keyed = await World.open(new MemoryCache(), { headers: ['X-Theme'] })
    keyed.respond = (request, response) => response.writeHead(200, forAll).end(`${request.headers['x-theme']}`)
    const bodies = [await keyed.ask({ headers: { 'x-theme': EVIL } }), await keyed.ask(), await keyed.ask()]
    expect(bodies.map(({ body }) => body)).toEqual([EVIL, 'undefined', 'undefined'])
    expect(keyed.requests).toHaveLength(2)
    await keyed.ask({ method: 'PUT' })
    expect((await keyed.ask()).exchange.cacheStatus).toMatch(/^fwd/)
    await keyed.close()
  })

  it('a body that came with GET', async () => {
    world.respond = async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      response.writeHead(200, forAll).end(`for ${body}`)
    }
    const fat = [{ body: EVIL }, { body: Buffer.from(EVIL) }, { body: EVIL, headers: { 'content-type': 'x' } }]
    for (const asked of fat) expect((await world.ask(asked)).exchange.cacheStatus).toBe('fwd=bypass')
    expect((await world.ask()).body).toBe('for ')
    expect((await world.ask({ body: 'mine' })).body).toBe('for mine')
  })

  it('another method under the same URL', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PURGE', 'QUERY', 'get']) {
      await world.ask({ method, headers: { 'x-evil': EVIL } }).catch(() => {})
    }
    expect(all(await world.ask())).not.toContain(EVIL)
  })
})

describe('each URL has its own answer', () => {
  const queries = [
    '',
    '?',
    '?a=1',
    '?a=2',
    '?a=1&a=2',
    '?a=2&a=1',
    '?a=1;a=2',
    '?a[]=1',
    '?A=1',
    '?a=%31',
    '?a=1&',
    '?&a=1',
  ]
  queries.push('?a=1&utm_content=x;a=2', '?a=1%26a=2', '?a=1%00', '?a=1%23', '?_method=DELETE', '?a', '?a=', '?%61=1')

  it.each(queries)('%s', async (query) => {
    for (const other of queries) await world.ask({ path: `/${other}` })
    const { body, exchange } = await world.ask({ path: `/${query}` })
    expect(JSON.parse(body)[1]).toBe(`/${query}`)
    expect(exchange.cacheStatus).toMatch(/^hit/)
  })

  it.each([
    ...['/me;x.css', '/me;/x.css', '//me', '/./me', '/a/../me', '/a/..', '/me%2fx.css', '/me%5Cx.css', '/me%3bx.css'],
    ...[
      '/me%00.css',
      '/me%0a.css',
      '/me%0d%0ax',
      '/me%23x.css',
      '/me%3fx.css',
      '/a/%2e%2e/me',
      '/me%252fx.css',
      '/me\\x.css',
    ],
  ])('%s can be read in two ways, so it is kept for nobody', async (path) => {
    for (let times = 0; times < 2; times++) {
      const { body, exchange } = await world.ask({ path })
      expect(JSON.parse(body)[1]).toBe(path)
      expect(exchange.cacheStatus).toBe('fwd=bypass')
    }
    expect(world.cache.entries.size).toBe(0)
  })

  it.each([
    ['/items/%61', '/items/a'],
    ['/items/a', '/items/%61'],
    ['/items/%c3%a4', '/items/%C3%A4'],
    ['/items/%7ea?x=%7e', '/items/~a?x=~'],
    ['/items/a', '/items/./b/../a'],
    ['/items/a', '/items/b/%2E%2e/a'],
  ])('but a write to %s is seen by the next read of %s, which is the same (RFC 3986, 6.2.2)', async (written, read) => {
    reflect(forAll)
    await world.ask({ path: read })
    await world.ask({ path: written, method: 'PUT' })
    world.respond = (_, response) => response.writeHead(200, forAll).end('new')
    expect((await world.ask({ path: read })).body).toBe('new')
  })
})

describe('an error that one client’s fields provoke is nobody else’s (CPDoS)', () => {
  const oversize = { 'x-oversized': 'x'.repeat(4096) }
  const cookies = { cookie: Array.from({ length: 80 }, (_, at) => `c${at}=${'x'.repeat(50)}`) }

  it.each([400, 401, 403, 405, 406, 412, 413, 414, 415, 416, 421, 426, 429, 431, 500, 501, 502, 503, 504])(
    '%i, however long it says it lasts',
    async (status) => {
      reflect(forAll, status)
      expect((await world.ask({ headers: { accept: EVIL } })).status).toBe(status)
      reflect(forAll)
      for (let times = 0; times < 2; times++) expect((await world.ask()).status).toBe(200)
      expect([...world.cache.entries.values()].every((entry) => entry.status === 200)).toBe(true)
    },
  )

  it.each<[string, Fields]>([
    ['one long field', oversize],
    ['many cookies', cookies],
  ])(
    '%s: neither stored, nor shared with those who come meanwhile, nor does it keep others from storing',
    async (_, headers) => {
      for (const fail of [404, 500, 'reset'] as const) {
        const path = `/${fail}`
        const held: (() => void)[] = []
        world.respond = (request, response) => {
          const long = JSON.stringify(request.headers).length > 4096
          held.push(() => {
            if (!long) response.writeHead(200, forAll).end('hello')
            else if (fail === 'reset') response.destroy()
            else response.writeHead(fail, forAll).end('too long')
          })
        }
        const attacker = world.ask({ path, headers }).catch((error: Error) => error)
        await until(() => held.length === 1)
        const victim = world.ask({ path })
        await until(() => held.length === 2)
        for (const answer of held.splice(0)) answer()
        await attacker
        expect((await victim).body).toBe('hello')
        expect((await world.ask({ path })).exchange.cacheStatus).toMatch(/^hit/)
        // And he may have what is stored.
        expect((await world.ask({ path, headers })).exchange.cacheStatus).toMatch(/^hit/)
      }
    },
  )

  it('a client in a hurry does not hurry the others’ fill', async () => {
    await world.ask({ headers: { 'x-timeout-ms': '1' } })
    expect(world.requests[0]?.headers['x-timeout-ms']).toBe('15000')
  })
})

describe('a scope', () => {
  it('tells nobody by Cache-Status what somebody in another one has read', async () => {
    const statuses = async (scope: string) => {
      const answers = [await world.ask({ exchange: { scope } }), await world.ask({ exchange: { scope } })]
      return answers.map(({ exchange }) => exchange.cacheStatus?.replace(/ttl=\d+/, ''))
    }
    expect(await statuses('user:eve')).toEqual(await statuses('user:ada'))
  })

  it('never sees what was made for another, whoever asks in what way and order', async () => {
    const scope = fc.constantFrom(
      'public',
      'role:a',
      'role:a,b',
      'user:a',
      'user:a,b',
      'user:',
      'user:public',
      'user:a\n',
      '6:public',
    )
    const path = fc.constantFrom(
      '/',
      '/me',
      '/me?',
      '/me?a',
      '/me/x.css',
      '/me;x.css',
      '/me%2fx.css',
      '/%6de',
      '//me',
      '/me?\n',
    )
    const headers = fc.constantFrom<Fields>(
      {},
      { accept: 'text/css' },
      { 'x-original-url': '/me' },
      { host: EVIL },
      { cookie: 'a' },
    )
    const answer = fc.constantFrom<Fields>(
      forAll,
      { 'cache-control': 'max-age=9' },
      { ...forAll, vary: 'accept' },
      { ...forAll, etag: '"1"' },
    )
    const method = fc.constantFrom('GET', 'HEAD', 'PUT')
    const step = fc.record({ scope, path, headers, answer, method })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        await world.cache.purge({ all: true })
        world.cache.passes.clear()
        for (const { answer, ...asked } of steps) {
          const made = JSON.stringify([asked.scope, asked.path])
          world.respond = (_, response) =>
            response.writeHead(200, { ...answer, 'x-made-for': encodeURI(made) }).end(made)
          const options = { path: asked.path, method: asked.method, headers: asked.headers }
          const got = await world.ask({ ...options, exchange: { scope: asked.scope } }).catch(() => undefined)
          // A line break in a path is nobody's (undici refuses it).
          if (got) expect(decodeURI(String(got.headers['x-made-for']))).toBe(made)
        }
      }),
      { numRuns: 150 },
    )
  })
})
