/**
 * Who may do what: every operation of the shipped file and of those built in, by every kind of caller, with every token that
 * is wrong in its own way. What is expected follows from the file's words, not from what the gateway makes of them.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import YAML from 'yaml'
import { startGateway, usable } from './gateway.ts'
import { startService } from './processes.ts'
import { badTokens } from './tokens.ts'
import { json, startUpstream } from './upstream.ts'

const cache = await startService('cache/src/main.ts')
// Nothing is kept, so that each request that is let through is seen here.
const upstream = await startUpstream((_asked, response) => json(response, 200, {}, { 'cache-control': 'no-store' }))
const gateway = await startGateway({
  db: upstream.url,
  cache: cache.url,
  settings: { MICROSERVICE_URL: upstream.url, WORKER_URL: upstream.url, REMOTE_URL: upstream.url },
})
await usable(gateway)
afterAll(async () => {
  await gateway.close()
  await upstream.close()
  await cache.stop()
})

type Access = 'public' | 'signed-in' | { role: string }

interface Declared {
  path: string
  methods: string[]
  auth: Access
  request?: { query?: { required?: string[] }; body?: object }
}

interface Operation {
  method: string
  /** With something in the place of each name, and what it must have behind `?`. */
  target: string
  auth: Access
  body?: object
  /** Whether an upstream is asked where the request is let through. */
  forwarded: boolean
}

/** What stands for a parameter, or a member of a body. */
const SAMPLES: Record<string, string> = { key: 'alpha', id: '6f1ab1f0-1d5a-4d8e-9d6b-3f1c5d6e7f80' }
const BODIES: Record<string, object> = { '/data/{key}': { value: 1 }, '/longtask': { task: 'report' } }

const filled = (at: string) => at.replaceAll(/\{(\w+)\}/g, (_, name: string) => SAMPLES[name] ?? name)

const file = await readFile(path.join(import.meta.dirname, '../gateway.routes.yaml'), 'utf8')
const { routes } = YAML.parse(file) as { routes: Declared[] }
const declared: Operation[] = routes.flatMap(({ path: at, methods, auth, request: { query, body } = {} }) =>
  [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].map((method) => {
    const asked = query?.required?.map((name) => `${name}=${SAMPLES[name]}`).join('&')
    const target = filled(at) + (asked ? `?${asked}` : '')
    return { method, target, auth, forwarded: true, ...(body && { body: BODIES[at] as object }) }
  }),
)

/** Administration is for administrators alone, and of the rest nothing but these is for those who are signed in. */
const SIGNED_IN = ['/logout']
const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as { paths: Record<string, object> }
const builtIn: Operation[] = Object.entries(paths)
  .filter(([at]) => !routes.some((route) => route.path === at))
  .flatMap(([at, methods]) =>
    Object.keys(methods).map((method) => {
      const rest = SIGNED_IN.includes(at) ? 'signed-in' : 'public'
      const auth = at.startsWith('/admin/') ? { role: 'admin' } : rest
      return { method: method.toUpperCase(), target: filled(at), auth, forwarded: false }
    }),
  )

interface Caller {
  who: string
  headers: (good: string) => Record<string, string>
  query?: string
  /** Of a token that is taken; where there is none, the code of the refusal. */
  roles?: string[]
  code?: string
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const callers: Caller[] = [
  { who: 'someone without roles', headers: bearer, roles: [] },
  { who: 'a reader', headers: bearer, roles: ['reader'] },
  { who: 'an editor', headers: bearer, roles: ['reader', 'editor'] },
  { who: 'an administrator', headers: bearer, roles: ['admin'] },
  { who: 'an editor in small letters', headers: (good) => ({ authorization: `bearer ${good}` }), roles: ['editor'] },
  {
    who: 'one whose role is nearly that',
    headers: bearer,
    roles: ['Editor', 'admin ', 'editor,admin', 'administrator'],
  },
  { who: 'nobody', headers: () => ({}), code: 'token_missing' },
  { who: 'a password', headers: () => ({ authorization: 'Basic YWRhOnNlY3JldA==' }), code: 'token_missing' },
  { who: 'a token in the query', headers: () => ({}), query: 'access_token', code: 'token_missing' },
  { who: 'a token in a cookie', headers: (good) => ({ cookie: `token=${good}` }), code: 'token_missing' },
  { who: 'a token in a field of its own', headers: (good) => ({ 'x-access-token': good }), code: 'token_missing' },
  { who: 'a bare token', headers: (good) => ({ authorization: good }), code: 'token_missing' },
  { who: 'a bearer of nothing', headers: () => ({ authorization: 'Bearer' }), code: 'token_malformed' },
  { who: 'a bearer of two', headers: (good) => bearer(`${good} ${good}`), code: 'token_malformed' },
  { who: 'who says to be ada', headers: () => ({ 'x-user': 'ada', 'x-roles': 'admin' }), code: 'token_missing' },
  ...Object.entries(badTokens).map(([what, { token, code }]) => {
    return { who: `a bearer of a token ${what}`, headers: () => bearer(token), code }
  }),
]

function expected(auth: Access, { roles, code }: Caller): [status: number, code: string] | 'let through' {
  if (auth === 'public') return 'let through'
  if (roles === undefined) return [401, code as string]
  return auth === 'signed-in' || roles.includes(auth.role) ? 'let through' : [403, 'role_missing']
}

const cases = [...declared, ...builtIn].flatMap((operation) =>
  callers.map((caller) => ({ ...operation, ...caller, result: expected(operation.auth, caller) })),
)

/** @param good a token that is taken, with the caller's roles */
function ask({ method, target, body, headers, query }: Operation & Caller, good: string): Promise<Response> {
  const asked = query ? `${target.includes('?') ? '&' : '?'}${query}=${good}` : ''
  return fetch(`${gateway.url}${target}${asked}`, {
    method,
    headers: { ...headers(good), ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
}

describe('access', () => {
  it('is tried in more than 500 ways, the administration among them', () => {
    expect(cases.length).toBeGreaterThan(500)
    expect(builtIn.filter(({ auth }) => typeof auth === 'object').length).toBeGreaterThanOrEqual(3)
  })

  it.each(cases)('$method $target by $who: $result', async (one) => {
    const before = upstream.asked.length
    const good = gateway.token(one.roles ?? ['reader', 'editor', 'admin'])
    const answer = await ask(one, good)
    const forwarded = upstream.asked.length - before
    if (one.result === 'let through') {
      expect([401, 403]).not.toContain(answer.status)
      // Whoever is welcome is still refused a query that the route does not know.
      if (one.forwarded && !(one.query && answer.status === 400)) expect(forwarded).toBe(1)
      return
    }
    const [status, code] = one.result
    expect([answer.status, forwarded]).toEqual([status, 0])
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /)
    if (one.method === 'HEAD') return
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ status, code })
    expect(text).not.toContain(good)
  })

  it('is refused before the body is read, which need not even have come', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': '1000' }
    const upload = request(`${gateway.url}/data/alpha`, { method: 'PUT', headers })
    upload.flushHeaders()
    const [answer] = (await once(upload, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(401)
    upload.on('error', () => {}).destroy()
  })
})
