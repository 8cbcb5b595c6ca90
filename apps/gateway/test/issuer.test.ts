/** A gateway whose people are signed in by somebody else. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { startService } from './processes.ts'
import { outsideIssuer } from './tokens.ts'

it('takes the tokens of an outside issuer, and signs nobody in itself', async () => {
  const issuer = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(outsideIssuer.keySet)
  }).listen(0, '127.0.0.1')
  await once(issuer, 'listening')
  onTestFinished(() => void issuer.close().closeAllConnections())
  const gateway = await startService('gateway/src/main.ts', {
    AUTH_JWKS_URL: `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/`,
    AUTH_ISSUER: 'https://issuer.example/',
    AUTH_AUDIENCE: 'shop',
    AUTH_ROLES_CLAIM: 'realm.roles',
    CACHE_URL: 'http://127.0.0.1:9',
    DB_URL: 'http://127.0.0.1:9',
  })
  onTestFinished(() => gateway.stop('SIGKILL'))

  const claims = { iss: 'https://issuer.example/', aud: ['other', 'shop'], realm: { roles: ['reader'] } }
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
