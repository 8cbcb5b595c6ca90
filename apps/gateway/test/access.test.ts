/** Who may do what: every route of the shipped file and the administration, for every kind of caller. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, usable } from './gateway.ts'
import { type Service, startService } from './processes.ts'
import { badTokens } from './tokens.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

let cache: Service
let upstream: Upstream
let gateway: Gateway

beforeAll(async () => {
  cache = await startService('cache/src/main.ts')
  upstream = await startUpstream((_asked, response) => json(response, 200, {}))
  gateway = await startGateway({ db: upstream.url, cache: cache.url })
  await usable(gateway)
})
afterAll(async () => {
  await gateway?.close()
  await upstream?.close()
  await cache?.stop()
})

const routes: [method: string, path: string, role: string | undefined, body?: object][] = [
  ['GET', '/data', undefined],
  ['GET', '/data?key=alpha', undefined],
  ['GET', '/data/alpha', undefined],
  ['HEAD', '/data/alpha', undefined],
  ['PUT', '/data/alpha', 'editor', { value: 1 }],
  ['PATCH', '/data/alpha', 'editor', { value: {} }],
  ['DELETE', '/data/alpha', 'editor'],
  ['POST', '/admin/cache/purge', 'admin', { tags: ['items'] }],
  ['GET', '/admin/cache/stats', 'admin'],
  ['GET', '/admin/cache/entries?prefix=/data/', 'admin'],
]

const callers: [who: string, authorization: string | undefined, roles: string[] | undefined][] = [
  ['nobody', undefined, undefined],
  ['a password in place of a token', 'Basic YWRhOnNlY3JldA==', undefined],
  ...Object.entries(badTokens).map(
    ([what, token]) => [`a token ${what}`, `Bearer ${token}`, undefined] as [string, string, undefined],
  ),
  ['a reader', 'TOKEN', ['reader']],
  ['an editor', 'TOKEN', ['reader', 'editor']],
  ['an administrator', 'TOKEN', ['reader', 'editor', 'admin']],
  ['someone without roles', 'TOKEN', []],
]

const cases = routes.flatMap(([method, path, role, body]) =>
  callers.map(([who, authorization, roles]) => {
    const expected = roles === undefined ? 401 : role !== undefined && !roles.includes(role) ? 403 : 'let through'
    return { method, path, body, who, authorization, roles, expected }
  }),
)

describe('access', () => {
  it.each(cases)('$method $path by $who: $expected', async ({ method, path, body, authorization, roles, expected }) => {
    const before = upstream.asked.length
    const token = authorization === 'TOKEN' ? `Bearer ${gateway.token(roles)}` : authorization
    const answer = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { ...(token ? { authorization: token } : {}), 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    if (expected === 'let through') {
      expect(answer.status).toBeLessThan(300)
      return
    }
    expect(answer.status).toBe(expected)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /)
    expect(upstream.asked.length).toBe(before)
    if (method === 'HEAD') return
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(await answer.json()).toMatchObject({
      status: expected,
      code: expect.stringMatching(expected === 403 ? /^role_missing$/ : /^token_(missing|malformed|expired|invalid)$/),
    })
  })

  it('is refused before the body is read, which need not even have come', async () => {
    const headers = { 'content-type': 'application/json', 'content-length': '1000' }
    const upload = request(`${gateway.url}/data/alpha`, { method: 'PUT', headers })
    upload.flushHeaders()
    const [answer] = (await once(upload, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(401)
    upload.on('error', () => {}).destroy()
  })

  it('is told apart: a token that has expired from one that is wrong', async () => {
    const codes = [badTokens.expired, badTokens.forged].map(async (token) => {
      const answer = await fetch(`${gateway.url}/data`, { headers: { authorization: `Bearer ${token}` } })
      return ((await answer.json()) as { code: string }).code
    })
    expect(await Promise.all(codes)).toEqual(['token_expired', 'token_invalid'])
  })
})
