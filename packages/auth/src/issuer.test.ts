import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose'
import { describe, expect, it, onTestFinished } from 'vitest'
import { auth } from './index.ts'
import { IssuerKeys, verifyingKey } from './issuer.ts'

const ISSUER = 'https://issuer.example/'

/** An issuer: signs with keys that it shows, or does not show yet. */
async function issuer() {
  const shown: JWK[] = []
  const world = { asked: 0, status: 200, location: '/' }
  const server = createServer((_request, response) => {
    world.asked++
    const headers = { 'content-type': 'application/json', location: world.location }
    response.writeHead(world.status, headers).end(JSON.stringify({ keys: shown }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close().closeAllConnections())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`

  /** A key; `show` it before anybody can know it. */
  async function key(kid: string, alg = 'RS256', shows: object = { alg, use: 'sig' }) {
    const { publicKey, privateKey } = await generateKeyPair(alg, {
      extractable: true,
      ...(alg === 'EdDSA' ? { crv: 'Ed25519' } : {}),
    })
    const jwk = { ...(await exportJWK(publicKey)), kid, ...shows }
    const sign = (claims: object = {}, header: object = {}) =>
      new SignJWT({ roles: ['reader'], ...claims })
        .setProtectedHeader({ alg, kid, typ: 'JWT', ...header } as JWTHeaderParameters)
        .setIssuer(ISSUER)
        .setAudience('spillway')
        .setSubject('alice')
        .setExpirationTime('1 min')
        .sign(privateKey)
    return { show: () => void shown.push(jwk), hide: () => void shown.splice(shown.indexOf(jwk), 1), sign, jwk }
  }
  return { url, key, world }
}

const logger = { info() {}, error() {} }

async function server(url: string, rolesClaim = 'roles', allowAddresses: readonly string[] = []) {
  const time = { now: 1000 }
  const clock = () => time.now
  const options = { url, allowAddresses, issuer: ISSUER, audience: 'spillway', rolesClaim, logger, clock }
  const keys = await IssuerKeys.open(options)
  const app = Fastify()
  await app.register(auth, { keys })
  app.get('/me', { config: { auth: 'signed-in' } }, (request) => request.identity)
  app.get('/edit', { config: { auth: 'editor' } }, () => 'edited')
  onTestFinished(() => app.close())
  const ask = async (token: string, path = '/me') => {
    const { statusCode, body } = await app.inject({ url: path, headers: { authorization: `Bearer ${token}` } })
    return { status: statusCode, ...JSON.parse(body) }
  }
  return { app, ask, time }
}

describe('tokens of an outside issuer', () => {
  it.each(['RS256', 'PS384', 'ES256', 'ES512', 'EdDSA'])('are taken: %s', async (alg) => {
    const { url, key } = await issuer()
    const { show, sign } = await key('one', alg)
    show()
    const { ask } = await server(url)
    expect(await ask(await sign())).toMatchObject({ status: 200, subject: 'alice', roles: ['reader'] })
    expect(await ask(await sign({}, { typ: 'at+jwt' }))).toMatchObject({ status: 200 })
  })

  it('have their roles where the setting says, and no others', async () => {
    const { url, key } = await issuer()
    const { show, sign } = await key('one')
    show()
    const { ask } = await server(url, 'realm_access.roles')
    const token = await sign({ roles: ['editor'], realm_access: { roles: ['writer'] } })
    expect(await ask(token)).toMatchObject({ roles: ['writer'] })
    expect(await ask(token, '/edit')).toMatchObject({ status: 403, code: 'role_missing' })
    expect(await ask(await sign())).toMatchObject({ status: 401, code: 'token_invalid' })
  })

  it('are refused where they are not for us, not from it, of another type, or signed otherwise than their key says', async () => {
    const { url, key } = await issuer()
    const one = await key('one', 'RS256')
    const other = await key('two', 'RS512', { alg: 'RS256', use: 'sig' })
    one.show()
    other.show()
    const { ask, app } = await server(url)
    const tokens = [
      await one.sign({}, { typ: 'logout+jwt' }),
      await one.sign({}, { typ: undefined }),
      await one.sign({}, { kid: 'two' }),
      // RS512 by a key that is for RS256.
      await other.sign(),
      await new SignJWT({ roles: [] })
        .setProtectedHeader({ alg: 'HS256', kid: 'one', typ: 'JWT' })
        .sign(Buffer.from(JSON.stringify(one.jwk))),
    ]
    for (const token of tokens) expect(await ask(token)).toMatchObject({ status: 401, code: 'token_invalid' })
    expect(app.hasDecorator('signToken')).toBe(false)
  })
})

describe('a key that is not known yet', () => {
  it('is asked for once, however many tokens name it, and then not for 30 s', async () => {
    const { url, key, world } = await issuer()
    const first = await key('one')
    const second = await key('two', 'ES256')
    first.show()
    const { ask, time } = await server(url)
    second.show()
    const token = await second.sign()
    // It was asked a moment ago, so that a flood of names means nothing to it.
    expect(await ask(token)).toMatchObject({ status: 401, code: 'token_invalid' })
    expect(world.asked).toBe(1)
    time.now += 31_000
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(world.asked).toBe(2)
    const forged = await first.sign({}, { kid: 'three' })
    for (let i = 0; i < 5; i++) expect(await ask(forged)).toMatchObject({ status: 401 })
    expect(world.asked).toBe(2)
  })
})

describe('an issuer that is away', () => {
  it('signs nobody out: its keys stay', async () => {
    const { url, key, world } = await issuer()
    const { show, sign } = await key('one')
    show()
    const { ask, time } = await server(url)
    world.status = 500
    time.now += 31_000
    expect(await ask(await sign({}, { kid: 'two' }))).toMatchObject({ status: 401 })
    // Nor is it asked for each token while it is away.
    expect(await ask(await sign({}, { kid: 'three' }))).toMatchObject({ status: 401 })
    expect(world.asked).toBe(2)
    expect(await ask(await sign())).toMatchObject({ status: 200 })
  })

  it('has taken a key back once it shows the set without it', async () => {
    const { url, key } = await issuer()
    const [first, second] = [await key('one'), await key('two')]
    first.show()
    second.show()
    const { ask, time } = await server(url)
    const token = await first.sign()
    expect(await ask(token)).toMatchObject({ status: 200 })
    first.hide()
    time.now += 31_000
    await ask(await second.sign({}, { kid: 'three' }))
    expect(await ask(token)).toMatchObject({ status: 401, code: 'token_invalid' })
  })

  it('at start is named, and nothing starts', async () => {
    const { url, key, world } = await issuer()
    await expect(server(url)).rejects.toThrow(`cannot read the keys at ${url}: it holds no key`)
    ;(await key('one')).show()
    world.status = 404
    await expect(server(url)).rejects.toThrow(`cannot read the keys at ${url}: `)
  })

  it('is not followed to where it sends', async () => {
    const elsewhere = await issuer()
    ;(await elsewhere.key('one')).show()
    const { url, world } = await issuer()
    world.status = 302
    world.location = elsewhere.url
    await expect(server(url)).rejects.toThrow(`cannot read the keys at ${url}: `)
    expect(elsewhere.world.asked).toBe(0)
  })

  it.each(['http://169.254.169.254/keys', 'http://[::ffff:a9fe:a9fe]/keys', 'http://0/keys'])(
    'is not at %s',
    async (url) => {
      await expect(server(url)).rejects.toThrow(/cannot read the keys at .*: .* may not be connected to/)
    },
  )

  it('is at such an address where that is allowed', async () => {
    const { url, key } = await issuer()
    const { show, sign } = await key('one')
    show()
    // Linux takes it for loopback.
    const unspecified = url.replace('127.0.0.1', '0.0.0.0')
    const { ask } = await server(unspecified, 'roles', ['0.0.0.0'])
    expect(await ask(await sign())).toMatchObject({ status: 200 })
  })
})

describe('a key set', () => {
  it('may hold keys that are for others', async () => {
    const { key } = await issuer()
    const rsa = await key('one', 'RS256', {})
    const short = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    const { n: _, ...broken } = await exportJWK(short.publicKey)
    expect(verifyingKey(rsa.jwk)?.algorithm).toBe('RS256')
    for (const jwk of [
      { ...rsa.jwk, use: 'enc' },
      { ...rsa.jwk, key_ops: ['encrypt'] },
      { ...rsa.jwk, alg: 'ES256' },
      { ...rsa.jwk, alg: 'none' },
      { kty: 'oct', k: 'AAAA' },
      { kty: 'OKP', crv: 'X25519', x: 'hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo' },
      { kty: 'odd' },
      broken,
    ]) {
      expect(verifyingKey(jwk as JWK), JSON.stringify(jwk)).toBeUndefined()
    }
  })
})
