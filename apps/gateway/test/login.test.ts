/** Signing in, before a foreign accounts service: what is asked of it, what is limited, what is told when it is away. */

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type Gateway, startGateway, until } from './gateway.ts'
import { decodeJwt } from './tokens.ts'
import { json, startUpstream, type Upstream } from './upstream.ts'

let upstream: Upstream | undefined
let gateway: Gateway | undefined

afterEach(async () => {
  await gateway?.close()
  await upstream?.close()
  upstream = undefined
})

/** With an accounts service where everybody's password is `right`. */
async function start(): Promise<Gateway> {
  upstream = await startUpstream(({ body }, response) => {
    const { username, password } = JSON.parse(body) as { username: string; password: string }
    if (password === 'right') return json(response, 200, { username, roles: ['reader', 'editor'] })
    if (password === 'broken') return json(response, 500, { detail: 'the password is in this log' })
    return json(response, 401, { code: 'credentials_wrong' })
  })
  gateway = await startGateway({ db: upstream.url })
  await usableDb(gateway)
  return gateway
}

const usableDb = ({ url }: Gateway) =>
  until(
    async () => (await (await fetch(`${url}/ready`)).json()) as { degraded: string[] },
    ({ degraded }) => !degraded.includes('db'),
  )

const signIn = (to: Gateway, credentials: unknown, headers: Record<string, string> = {}) =>
  fetch(`${to.url}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(credentials),
  })

describe('login', () => {
  it('gives a token that says who it is for, and that the routes take', async () => {
    const to = await start()
    const answer = await signIn(to, { username: 'grace', password: 'right' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const body = (await answer.json()) as { token: string }
    expect(body).toEqual({ token: expect.any(String), tokenType: 'Bearer', expiresIn: 3600 })
    expect(decodeJwt(body.token)).toMatchObject({
      header: { alg: 'EdDSA', kid: expect.any(String) },
      claims: { sub: 'grace', roles: ['reader', 'editor'], iss: 'spillway', aud: 'spillway' },
    })
    expect(await to.metric('spillway_gateway_logins_total{outcome="ok"}')).toBe(1)
  })

  it('passes request id and trace on to the accounts service, and nothing else of the client’s', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const to = await start()
    await signIn(
      to,
      { username: 'grace', password: 'right' },
      { 'x-request-id': 'mine', traceparent: trace, cookie: 'c' },
    )
    const headers = upstream?.asked[0]?.headers
    expect(headers).toMatchObject({ 'x-request-id': 'mine', traceparent: expect.stringContaining(trace.slice(3, 35)) })
    expect(headers).not.toHaveProperty('cookie')
  })

  it('refuses wrong credentials without saying what is wrong with them', async () => {
    const to = await start()
    const answer = await signIn(to, { username: 'grace', password: 'wrong' })
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({ code: 'credentials_wrong' })
    expect(await to.metric('spillway_gateway_logins_total{outcome="wrong"}')).toBe(1)
  })

  it.each([
    [{ username: 'grace' }, '/password', 'is missing'],
    [{ username: '', password: 'x' }, '/username', expect.any(String)],
    [{ username: 'grace', password: 'x'.repeat(257) }, '/password', expect.stringContaining('256')],
    [{ username: 'grace', password: 'x', admin: true }, '/admin', 'is not known here; known are username, password'],
    [{ username: ['grace'], password: 'x' }, '/username', 'must be string'],
  ])('names the field that does not fit: %j', async (credentials, path, message) => {
    const answer = await signIn(await start(), credentials)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ code: 'validation_failed', errors: [{ in: 'body', path, message }] })
    expect(upstream?.asked).toEqual([])
  })

  it('is limited per account, whatever its spelling and the client’s address, and says when to come again', async () => {
    const to = await start()
    const spellings = ['grace', 'Grace', ' GRACE ', 'ｇｒａｃｅ']
    const attempt = (index: number) =>
      signIn(
        to,
        { username: spellings[index % spellings.length], password: 'wrong' },
        { 'x-forwarded-for': `203.0.113.${index}` },
      )
    const began = performance.now()
    let asked = 1
    let limited = await attempt(0)
    for (; limited.status === 401; asked++) limited = await attempt(asked)
    // At once, and one more every two seconds.
    expect(asked).toBeGreaterThan(30)
    expect(asked).toBeLessThanOrEqual(32 + (performance.now() - began) / 2000)
    expect(limited.status).toBe(429)
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await limited.json()).toMatchObject({
      code: 'login_limited',
      detail: expect.stringContaining('30 a minute'),
    })
    expect((await signIn(to, { username: 'ada', password: 'right' })).status).toBe(200)
    expect(await to.metric('spillway_gateway_logins_total{outcome="limited"}')).toBe(1)
  })

  it('costs somebody who fails ever longer waits, from his address and for that account alone', async () => {
    const to = await start()
    const attempt = (username: string, password: string, from = '2001:db8::1') =>
      signIn(to, { username, password }, { 'x-forwarded-for': from })
    for (let index = 0; index < 10; index++) expect((await attempt('Grace', 'wrong')).status).toBe(401)
    // The right password, too, else the refusal would tell which one is right; and the whole /64 is one address.
    for (const from of ['2001:db8::1', '2001:db8::ffff:1']) {
      const refused = await attempt('grace', 'right', from)
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
      expect(await refused.json()).toMatchObject({
        code: 'login_limited',
        detail: expect.stringContaining('try again in 1 s'),
      })
    }
    expect(upstream?.asked).toHaveLength(10)
    expect((await attempt('ada', 'right')).status).toBe(200)
    expect((await attempt('grace', 'right', '2001:db8:0:1::1')).status).toBe(200)
  })

  it('lets nobody guess faster by asking for many at once', async () => {
    const to = await start()
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => signIn(to, { username: 'grace', password: 'wrong' })),
    )
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(50)
    expect(upstream?.asked).toHaveLength(10)
  })

  it('keeps nobody out where he has signed in before, however many addresses guess at his password', async () => {
    const to = await start()
    const attempt = (password: string, from: string) =>
      signIn(to, { username: 'grace', password }, { 'x-forwarded-for': from })
    expect((await attempt('right', '203.0.113.200')).status).toBe(200)
    const guesses = await Promise.all(Array.from({ length: 40 }, (_, index) => attempt('wrong', `203.0.113.${index}`)))
    expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThan(0)
    expect((await attempt('right', '203.0.113.200')).status).toBe(200)
    expect((await attempt('right', '203.0.113.201')).status).toBe(429)
  })

  it('is limited per address, which a trusted proxy names', async () => {
    const to = await start()
    const attempt = (index: number, address: string) =>
      signIn(to, { username: `user-${index}`, password: 'right' }, { 'x-forwarded-for': address })
    const answers = await Promise.all(Array.from({ length: 120 }, (_, index) => attempt(index, '203.0.113.9')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    // Two come back each second.
    const more = await Promise.all(Array.from({ length: 60 }, (_, index) => attempt(120 + index, '203.0.113.9')))
    expect(more.at(-1)?.status).toBe(429)
    expect((await attempt(180, '203.0.113.10')).status).toBe(200)
  })

  it('stops asking when the client has left', async () => {
    const arrived = Promise.withResolvers<ServerResponse>()
    upstream = await startUpstream((_asked, response) => arrived.resolve(response))
    gateway = await startGateway({ db: upstream.url })
    await usableDb(gateway)
    const client = new AbortController()
    const answer = fetch(`${gateway.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"username":"grace","password":"right"}',
      signal: client.signal,
    })
    const pending = await arrived.promise
    const cancelled = once(pending, 'close')
    client.abort()
    await expect(answer).rejects.toThrow()
    await cancelled
    expect(pending.writableFinished).toBe(false)
    const to = gateway
    await until(
      () => to.metric('spillway_gateway_logins_total{outcome="left"}'),
      (left) => left === 1,
    )
  })

  it('answers 503 where the accounts service fails, with nothing of what it said', async () => {
    const answer = await signIn(await start(), { username: 'grace', password: 'broken' })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('2')
    const text = await answer.text()
    expect(text).toContain('"sign_in_unavailable"')
    expect(text).not.toContain('log')
  })

  it('answers 503 where the accounts service is away, and goes on being ready', async () => {
    gateway = await startGateway()
    const answer = await signIn(gateway, { username: 'grace', password: 'right' })
    expect([502, 503]).toContain(answer.status)
    expect(await answer.json()).toMatchObject({
      code: expect.stringMatching(/^(no_usable_upstream|upstream_unreachable)$/),
    })
    const { url } = gateway
    const ready = await fetch(`${url}/ready`)
    expect(ready.status).toBe(200)
    expect(((await ready.json()) as { degraded: string[] }).degraded).toEqual(expect.arrayContaining(['db', 'cache']))
    expect(await gateway.metric('spillway_gateway_logins_total{outcome="failed"}')).toBe(1)
  })
})
