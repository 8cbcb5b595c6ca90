/**
 * Eve and Ada, signed in and not, before an upstream that reflects all it is sent and says that everybody may have it.
 * Nothing of what is Ada's comes to Eve, and nothing that Eve sends comes to Ada. After PortSwigger's "Practical Web
 * Cache Poisoning", "Web Cache Entanglement" and "Gotta cache 'em all", Omer Gil's web cache deception, and CPDoS.
 */
import { once } from 'node:events'
import { type OutgoingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const routes = `
upstreams:
  db: { endpoints: "\${UPSTREAM}" }
routes:
  - { path: "/own/{id}", methods: [GET], upstream: db, auth: signed-in, identity: forward }
  - { path: "/team/{id}", methods: [GET], upstream: db, auth: signed-in, identity: forward, cache: { scope: role } }
  - { path: "/all/{id}", methods: [GET], upstream: db, auth: signed-in, cache: { scope: public } }
  - { path: "/all/{id}", methods: [PUT], upstream: db, auth: { role: editor } }
  - { path: "/open/{id}", methods: [GET], upstream: db, auth: public, bodyLimit: 1kB }
  # Beside each other: what is everybody's, and one page that is not.
  - { path: "/pages/{name}", methods: [GET], upstream: db, auth: signed-in, identity: forward, cache: { scope: public } }
  - { path: /pages/me, methods: [GET], upstream: db, auth: signed-in, identity: forward }
`
const EVIL = 'evil.example'

let cache: Service
let upstream: Upstream
let gateway: Gateway
let fresh = 0

beforeAll(async () => {
  cache = await startService('cache/src/main.ts')
  upstream = await startUpstream(({ method, url, headers, body }, response) => {
    if (method === 'PUT') {
      response.writeHead(204).end()
      return
    }
    const came = JSON.stringify({ method, url, headers, body })
    // What an upstream that takes less than we do says to a long head.
    const status = came.length > 5000 ? 404 : 200
    const reflected = encodeURI(came.slice(0, 3000))
    response.writeHead(status, { 'cdn-cache-control': 'public, max-age=60', 'x-reflected': reflected }).end(came)
  })
  gateway = await startGateway({ db: upstream.url, cache: cache.url, routes })
  await until(
    () => ask('/open/first'),
    ({ status, headers }) => status === 200 && /hit/.test(String(headers['cache-status'])),
  )
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
  await cache?.stop()
})

/** As its writer means it: past everything that would mend path, headers and body. */
async function ask(path: string, headers: OutgoingHttpHeaders = {}, how: { method?: string; body?: string } = {}) {
  const sent = request(new URL(gateway.url), { path, headers, method: how.method ?? 'GET' })
  sent.end(how.body)
  const [answer] = await once(sent, 'response')
  const body = await text(answer)
  return {
    status: answer.statusCode as number,
    headers: answer.headers,
    body,
    all: JSON.stringify([answer.rawHeaders, body]),
  }
}

const as = (who: string, roles = ['reader']) => ({ authorization: `Bearer ${gateway.token(roles, who)}` })
const hit = ({ headers }: { headers: NodeJS.Dict<string | string[]> }) => /hit/.test(String(headers['cache-status']))
const somewhere = (route: string) => `/${route}/${fresh++}`

const attacks: [what: string, headers: OutgoingHttpHeaders, how?: { method?: string; body?: string }][] = [
  ['Host', { host: EVIL }],
  ['a port in Host', { host: `127.0.0.1:1337` }],
  ['Host, in another letter case and with a dot', { host: 'EVIL.example.' }],
  ['X-Forwarded-Host', { 'x-forwarded-host': EVIL }],
  ['X-Forwarded-Host twice', { 'x-forwarded-host': ['127.0.0.1', EVIL] }],
  ['X-Forwarded-Proto', { 'x-forwarded-proto': EVIL }],
  ['X-Forwarded-Proto https', { 'x-forwarded-proto': 'https' }],
  ['X-Forwarded-Scheme', { 'x-forwarded-scheme': EVIL }],
  ['X-Forwarded-Port', { 'x-forwarded-port': EVIL }],
  ['X-Forwarded-Prefix', { 'x-forwarded-prefix': `/${EVIL}` }],
  ['Forwarded', { forwarded: `for=1.2.3.4;host=${EVIL}` }],
  ['Forwarded with a quoted comma', { forwarded: `for="_a,b";host="${EVIL}"` }],
  ['X-Host', { 'x-host': EVIL }],
  ['X-Original-URL', { 'x-original-url': `/${EVIL}` }],
  ['X-Rewrite-URL', { 'x-rewrite-url': `/${EVIL}` }],
  ['X-HTTP-Method-Override', { 'x-http-method-override': EVIL }],
  ['X-Method-Override with HEAD', { 'x-method-override': EVIL }, { method: 'HEAD' }],
  ['a body', { 'content-length': EVIL.length }, { body: EVIL }],
  ['a chunked body', { 'transfer-encoding': 'chunked' }, { body: EVIL }],
  ['a body with HEAD', { 'content-length': EVIL.length }, { method: 'HEAD', body: EVIL }],
  ['Range', { range: `bytes=0-1, ${EVIL}` }],
  ['If-Range', { 'if-range': `"${EVIL}"`, range: 'bytes=0-0' }],
  ['If-None-Match', { 'if-none-match': `"${EVIL}"` }],
  ['If-Match', { 'if-match': `"${EVIL}"` }],
  ['x-timeout-ms', { 'x-timeout-ms': `14${EVIL}` }],
  ['what Connection names', { connection: 'x-forwarded-host, host, x-host', 'x-host': EVIL, 'x-forwarded-host': EVIL }],
  ['x-request-id', { 'x-request-id': `<${EVIL}>` }],
  ['traceparent', { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${EVIL}` }],
  ['one cookie of 6 kB', { cookie: `${EVIL}=${'x'.repeat(6000)}` }],
  ['a hundred cookies', { cookie: Array.from({ length: 100 }, (_, at) => `${EVIL}${at}=${'x'.repeat(50)}`) }],
  ['a field of 6 kB', { 'x-long': `${EVIL}${'x'.repeat(6000)}` }],
]

describe.each([
  ['a route for all who are signed in', 'all', true],
  ['a route for everybody', 'open', false],
  ['a route for those with a role', 'team', true],
])('%s', (_, route, signed) => {
  it.each(attacks)('keeps from others what one of them sends as %s', async (_what, headers, how) => {
    const path = somewhere(route)
    const [eve, ada] = signed ? [as('eve'), as('ada')] : [{}, {}]
    for (let times = 0; times < 2; times++) await ask(path, { ...eve, ...headers }, how)
    const answers = [await ask(path, ada), await ask(path, ada)]
    for (const { status, all } of answers) {
      expect(status).toBe(200)
      expect(all).not.toContain(EVIL)
      expect(all).not.toContain(':1337')
      expect(all).not.toContain('EVIL')
    }
    expect(answers.map(hit)).toEqual([expect.any(Boolean), true])
    // What is stored by now is no attacker's to change.
    await ask(path, { ...eve, ...headers }, how)
    expect((await ask(path, ada)).body).toBe(answers[1]?.body)
  })
})

describe('what is one user’s', () => {
  const ways = [
    '',
    '?x.css',
    '?',
    '?user=eve',
    ';x.css',
    '%2fx.css',
    '%3bx.css',
    '%00',
    '%0a',
    '%23',
    '%3f',
    '/',
    '//',
    '/..',
    '\\',
  ]

  it.each(ways)('is nobody else’s, asked for with %j behind its path', async (way) => {
    const path = `${somewhere('own')}${way}`
    const ada = as('ada')
    const answers = [await ask(path, ada), await ask(path, ada)]
    for (const headers of [as('eve'), as('ada2'), as('eve', ['admin'])]) {
      for (const method of ['GET', 'HEAD']) {
        const { all } = await ask(
          path,
          { ...headers, ...(method === 'HEAD' ? { 'if-none-match': '*' } : {}) },
          { method },
        )
        expect(all).not.toContain(ada.authorization)
        expect(all).not.toContain(encodeURI(ada.authorization))
      }
    }
    expect((await ask(path)).status).toBeGreaterThanOrEqual(400)
    if (answers[0]?.status === 200) expect(answers[0].body).toContain(ada.authorization)
  })

  it('is not told by Cache-Status: the first read of each user is a miss', async () => {
    const path = somewhere('own')
    const reads = async (who: string) => [hit(await ask(path, as(who))), hit(await ask(path, as(who)))]
    expect([await reads('ada'), await reads('eve')]).toEqual([
      [false, true],
      [false, true],
    ])
  })

  it('does not become everybody’s by a path that our router and the upstream read differently', async () => {
    expect(hit(await ask('/pages/news', as('ada')))).toBe(false)
    expect(hit(await ask('/pages/news', as('eve')))).toBe(true)
    const ada = as('ada')
    const tricks = [
      '/pages/me',
      '/pages/me;x.css',
      '/pages/me;',
      '/pages/me%3b.css',
      '/pages/me%2f..%2fx.css',
      '/pages/me%2Fx.js',
    ]
    tricks.push(
      '/pages/me%00.css',
      '/pages/me%0A.css',
      '/pages/me%0d%0ax',
      '/pages/me%23.css',
      '/pages/me%3f.css',
      '/pages/me%5cx',
    )
    tricks.push(
      '/pages/x%2f..%2fme',
      '/pages/%6de',
      '/pages/m%65?x.css',
      '/pages/me%253fx',
      '/pages/./me',
      '/pages/x/../me',
      '/pages//me',
    )
    for (const path of tricks) {
      await ask(path, ada)
      await ask(path, ada)
      const { all } = await ask(path, as('eve'))
      expect(all, path).not.toContain(ada.authorization)
    }
  })

  it('is not whoever’s who can name roles cleverly', async () => {
    const path = somewhere('team')
    const ada = as('ada', ['a', 'b'])
    await ask(path, ada)
    expect(hit(await ask(path, as('bob', ['b', 'a'])))).toBe(true)
    for (const roles of [['a,b'], ['a'], ['b'], [], ['a', 'b', 'c'], ['a', 'a', 'b'], ['["a"', '"b"]']]) {
      expect((await ask(path, as('eve', roles))).all).not.toContain(ada.authorization)
    }
  })
})

describe('a write', () => {
  it.each([
    ['/all/%61', '/all/a'],
    ['/all/b', '/all/%62'],
    ['/all/%7e?x=%c3%a4', '/all/~?x=%C3%A4'],
  ])('to %s is seen by the next read of %s, which is the same', async (written, read) => {
    await ask(read, as('ada'))
    expect(hit(await ask(read, as('ada')))).toBe(true)
    expect((await ask(written, as('ada', ['editor']), { method: 'PUT' })).status).toBe(204)
    expect(hit(await ask(read, as('ada')))).toBe(false)
  })

  it('that is not allowed makes nobody ask again', async () => {
    const path = somewhere('all')
    await ask(path, as('ada'))
    for (const method of ['PUT', 'DELETE', 'POST', 'PATCH'])
      await ask(path, { ...as('eve'), 'x-http-method-override': 'PUT' }, { method })
    await ask(path, { ...as('eve'), 'x-http-method-override': 'PUT' })
    expect(hit(await ask(path, as('ada')))).toBe(true)
  })
})
