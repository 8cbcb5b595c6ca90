/** A gateway whose people are signed in by somebody else. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { until } from './gateway.ts'
import { startService } from './processes.ts'
import { outsideIssuer } from './tokens.ts'
import { json, startUpstream } from './upstream.ts'

/** With who stands for the db service behind it. */
async function startGateway(db: string) {
  const issuer = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(outsideIssuer.keySet)
  }).listen(0, '127.0.0.1')
  await once(issuer, 'listening')
  onTestFinished(() => void issuer.close().closeAllConnections())
  const gateway = await startService('gateway/src/main.ts', {
    // Which Linux takes for loopback, and whose connections are refused otherwise.
    AUTH_JWKS_URL: `http://0.0.0.0:${(issuer.address() as AddressInfo).port}/`,
    AUTH_JWKS_ALLOW_ADDRESSES: '169.254.20.10, 0.0.0.0/32',
    AUTH_ISSUER: 'https://issuer.example/',
    AUTH_AUDIENCE: 'shop',
    AUTH_ROLES_CLAIM: 'realm.roles',
    CACHE_URL: 'http://127.0.0.1:9',
    DB_URL: db,
  })
  onTestFinished(() => gateway.stop('SIGKILL'))
  return gateway
}

const claims = { iss: 'https://issuer.example/', aud: ['other', 'shop'], realm: { roles: ['reader'] } }

it('takes the tokens of an outside issuer, and signs nobody in itself', async () => {
  const gateway = await startGateway('http://127.0.0.1:9')
  const write = async (token: string) => {
    const answer = await fetch(`${gateway.url}/data/a`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"value":1}',
    })
    return [answer.status, ((await answer.json()) as { code: string }).code]
  }
  // Nobody listens where the db service should be: so far came who may write.
  expect((await write(outsideIssuer.token({ ...claims, realm: { roles: ['editor'] } })))[0]).toBeGreaterThanOrEqual(502)
  expect(await write(outsideIssuer.token(claims))).toEqual([403, 'role_missing'])
  expect(await write(outsideIssuer.token({ ...claims, aud: 'spillway' }))).toEqual([401, 'token_invalid'])
  expect(await write(outsideIssuer.token({ ...claims, iss: 'spillway' }))).toEqual([401, 'token_invalid'])

  for (const [method, path] of [
    ['POST', '/login'],
    ['GET', '/.well-known/jwks.json'],
  ] as const) {
    expect((await fetch(`${gateway.url}${path}`, { method })).status).toBe(404)
  }
})

it('takes back the token that is sent, by the name that its issuer gave it, and leaves all else to him', async () => {
  const upstream = await startUpstream(({ url, body }, response) => {
    if (url === '/revocations') return json(response, 201, { ...JSON.parse(body), endsAt: 4_000_000_000 })
    return json(response, 200, {})
  })
  onTestFinished(() => upstream.close())
  const gateway = await startGateway(upstream.url)
  const ask = async (token: string, target: string, body?: object) => {
    const answer = await fetch(gateway.url + target, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await answer.text()
    return [answer.status, text === '' ? undefined : (JSON.parse(text) as { code?: string }).code]
  }
  const named = outsideIssuer.token({ ...claims, jti: 'one', realm: { roles: ['admin'] } })
  await until(
    () => ask(named, '/data/a'),
    ([status]) => status === 200,
  )
  expect(await ask(outsideIssuer.token(claims), '/logout', {})).toEqual([409, 'token_unnamed'])
  expect(await ask(named, '/logout', { everywhere: true })).toEqual([409, 'issuer_revokes'])
  expect(await ask(named, '/admin/revocations', { subject: 'ada' })).toEqual([409, 'issuer_revokes'])
  expect(await ask(named, '/admin/revocations', { tokenId: 'two' })).toEqual([409, 'issuer_revokes'])
  expect(await ask(named, '/data/a')).toEqual([200, undefined])
  expect(await ask(named, '/logout', {})).toEqual([204, undefined])
  expect(await ask(named, '/data/a')).toEqual([401, 'token_revoked'])
  expect(await ask(outsideIssuer.token({ ...claims, jti: 'two' }), '/data/a')).toEqual([200, undefined])
})
