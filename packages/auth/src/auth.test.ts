import { createHmac, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { auth, generateKeys, parseKeys, TOKEN_LIFETIME_S } from './index.ts'

const texts = generateKeys()
const keys = parseKeys(texts.signing, 'ours')
const ours = keys.signing as { kid: string; key: KeyObject }
const now = () => Math.floor(Date.now() / 1000)
const claims = (changed: object = {}) => ({
  sub: 'alice',
  roles: ['reader'],
  iss: 'spillway',
  aud: 'spillway',
  exp: now() + 60,
  ...changed,
})
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token as whoever holds `key` could make it. */
function forge(header: object, payload: object, key: KeyObject = ours.key): string {
  const input = `${part({ alg: 'EdDSA', typ: 'JWT', kid: ours.kid, ...header })}.${part(payload)}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}

let app: FastifyInstance

beforeAll(async () => {
  app = Fastify()
  await app.register(auth, { keys })
  app.get('/me', { config: { auth: 'signed-in' } }, (request) => request.identity)
  app.get('/edit', { config: { auth: 'editor' } }, () => 'edited')
  await app.listen({ port: 0 })
})
afterAll(() => app.close())

async function me(authorization?: string, path = '/me') {
  const answer = await app.inject({ url: path, headers: authorization === undefined ? {} : { authorization } })
  return { status: answer.statusCode, code: answer.json().code, challenge: answer.headers['www-authenticate'] }
}

describe('a token of ours', () => {
  it('says who is asking, for an hour', async () => {
    const token = app.signToken({ sub: 'alice', roles: ['reader', 'editor'] })
    const answer = await app.inject({ url: '/me', headers: { authorization: `bearer ${token}` } })
    expect(answer.json()).toEqual({
      subject: 'alice',
      roles: ['reader', 'editor'],
      expiresAt: answer.json().issuedAt + TOKEN_LIFETIME_S,
      tokenId: expect.stringMatching(/^[\w-]{22}$/),
      issuedAt: expect.any(Number),
    })
    expect(answer.json().expiresAt - now()).toBeGreaterThan(TOKEN_LIFETIME_S - 5)
    expect((await app.inject({ url: '/edit', headers: { authorization: `Bearer ${token}` } })).body).toBe('edited')
  })

  it('names its key, its type and its algorithm, and carries iss, aud, iat, nbf', () => {
    const [header = '', payload = ''] = app.signToken({ sub: 'alice', roles: [] }).split('.')
    const read = (segment: string) => JSON.parse(Buffer.from(segment, 'base64url').toString())
    expect(read(header)).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: ours.kid })
    expect(read(payload)).toMatchObject({ iss: 'spillway', aud: 'spillway', iat: expect.any(Number) })
    expect(read(payload).nbf).toBe(read(payload).iat)
  })

  it('has a name of its own, and the time of issue that it is given, from when on its hour counts', () => {
    const iat = now() + 5
    const [one, other] = [1, 2].map(() => app.verifyToken(app.signToken({ sub: 'alice', roles: [], iat })))
    expect(one).toMatchObject({ issuedAt: iat, expiresAt: iat + TOKEN_LIFETIME_S })
    expect(one?.tokenId).not.toBe(other?.tokenId)
  })

  it.each([
    ['none', undefined],
    ['an empty one', ''],
    ['one that is no text', 7],
    ['one that cannot be kept', 'a\0b'],
    ['one that is too long to be kept', 'x'.repeat(257)],
  ])('whose name is missing or cannot be kept is taken without it: %s', (_, jti) => {
    expect(app.verifyToken(forge({}, claims({ jti })))).not.toHaveProperty('tokenId')
  })

  it('is verified the same when it is seen again, and cannot be changed by who saw it first', () => {
    const token = app.signToken({ sub: 'alice', roles: ['reader'] })
    const first = app.verifyToken(token)
    expect(() => (first.roles as string[]).push('admin')).toThrow(TypeError)
    expect(app.verifyToken(token)).toEqual(first)
  })

  it('is taken a few seconds past its end, for clocks differ, and not later', () => {
    expect(app.verifyToken(forge({}, claims({ exp: now() - 2 }))).subject).toBe('alice')
    expect(() => app.verifyToken(forge({}, claims({ exp: now() - 7 })))).toThrow(
      expect.objectContaining({ code: 'token_expired' }),
    )
  })

  it('is not remembered beyond its end', () => {
    const token = app.signToken({ sub: 'alice', roles: [] })
    expect(app.verifyToken(token).subject).toBe('alice')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + (TOKEN_LIFETIME_S + 6) * 1000 })
    try {
      expect(() => app.verifyToken(token)).toThrow(expect.objectContaining({ code: 'token_expired' }))
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('refused', () => {
  const other = parseKeys(generateKeys().signing, 'other').signing as { kid: string; key: KeyObject }
  const hs256 = (secret: string) => {
    const input = `${part({ alg: 'HS256', typ: 'JWT', kid: ours.kid })}.${part(claims())}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const pem = keys.verifying.get(ours.kid)?.key.export({ type: 'spki', format: 'pem' }).toString() as string
  const unsigned = `${part({ alg: 'none', typ: 'JWT', kid: ours.kid })}.${part(claims())}.`
  const [head, body, signature] = forge({}, claims()).split('.')

  const refused: [string, string, string][] = [
    ['signed by another key under our kid', forge({}, claims(), other.key), 'token_invalid'],
    ['signed by a key we do not know', forge({ kid: other.kid }, claims(), other.key), 'token_invalid'],
    ['with no kid', forge({ kid: undefined }, claims()), 'token_invalid'],
    ['with a kid that is no name', forge({ kid: ['a'] }, claims()), 'token_invalid'],
    ['with alg none and no signature', unsigned, 'token_invalid'],
    ['with alg none and our signature', forge({ alg: 'none' }, claims()), 'token_invalid'],
    ['with HS256 and our public key as the secret', hs256(pem), 'token_invalid'],
    ['with HS256 and our key file as the secret', hs256(texts.verifying), 'token_invalid'],
    ['with another payload', `${head}.${part(claims({ roles: ['admin'] }))}.${signature}`, 'token_invalid'],
    ['without its signature', `${head}.${body}.`, 'token_invalid'],
    ['of another type', forge({ typ: 'at+jwt' }, claims()), 'token_invalid'],
    ['of no type', forge({ typ: undefined }, claims()), 'token_invalid'],
    ['with a key set of its own', forge({ jku: 'https://evil.example/keys' }, claims()), 'token_invalid'],
    ['with a key of its own', forge({ jwk: { kty: 'OKP' } }, claims()), 'token_invalid'],
    ['with a certificate of its own', forge({ x5u: 'https://evil.example/cert' }, claims()), 'token_invalid'],
    ['with critical extensions', forge({ crit: ['exp'] }, claims()), 'token_invalid'],
    ['from another issuer', forge({}, claims({ iss: 'elsewhere' })), 'token_invalid'],
    ['for another audience', forge({}, claims({ aud: 'elsewhere' })), 'token_invalid'],
    ['without an issuer', forge({}, claims({ iss: undefined })), 'token_invalid'],
    ['without an audience', forge({}, claims({ aud: undefined })), 'token_invalid'],
    ['without an end', forge({}, claims({ exp: undefined })), 'token_invalid'],
    ['with an end that is no time', forge({}, claims({ exp: '2100-01-01' })), 'token_invalid'],
    ['with an end that is null', forge({}, claims({ exp: null })), 'token_invalid'],
    ['expired', forge({}, claims({ exp: now() - 60 })), 'token_expired'],
    ['not valid yet', forge({}, claims({ nbf: now() + 60 })), 'token_invalid'],
    ['of nobody', forge({}, claims({ sub: '' })), 'token_invalid'],
    ['without a subject', forge({}, claims({ sub: undefined })), 'token_invalid'],
    ['with roles that are no list', forge({}, claims({ roles: 'admin' })), 'token_invalid'],
    ['with roles that are no names', forge({}, claims({ roles: [1] })), 'token_invalid'],
    ['longer than tokens are', forge({}, claims({ roles: ['x'.repeat(5000)] })), 'token_malformed'],
    ['that is no token', 'letmein', 'token_malformed'],
    ['of two parts', `${head}.${body}`, 'token_invalid'],
    ['of four parts', `${head}.${body}.${signature}.${signature}`, 'token_invalid'],
    ['with padding', `${head}.${body}.${signature}==`, 'token_invalid'],
  ]

  it.each(refused)('a token %s', async (_, token, code) => {
    const answer = await me(`Bearer ${token}`)
    expect(answer).toMatchObject({ status: 401, code })
    expect(answer.challenge).toMatch(/^Bearer realm="spillway", error="invalid_token", error_description="[\w ]+"$/)
  })

  it('still, when it comes again', async () => {
    const token = forge({}, claims({ nbf: now() + 60 }))
    expect((await me(`Bearer ${token}`)).code).toBe('token_invalid')
    expect((await me(`Bearer ${token}`)).code).toBe('token_invalid')
  })

  it('no token: told how to authenticate, with no error code', async () => {
    const challenge = 'Bearer realm="spillway"'
    expect(await me()).toEqual({ status: 401, code: 'token_missing', challenge })
    expect(await me('Basic YTpi')).toEqual({ status: 401, code: 'token_missing', challenge })
    expect(await me('')).toEqual({ status: 401, code: 'token_missing', challenge })
  })

  it('Bearer with nothing or with two tokens behind it', async () => {
    const token = app.signToken({ sub: 'alice', roles: [] })
    expect(await me('Bearer')).toMatchObject({ status: 401, code: 'token_malformed' })
    expect(await me(`Bearer ${token} ${token}`)).toMatchObject({ status: 401, code: 'token_malformed' })
    expect(await me(`Bearer ${token}, Bearer ${token}`)).toMatchObject({ status: 401, code: 'token_malformed' })
  })

  it('several Authorization headers, even where the first is good', async () => {
    const token = app.signToken({ sub: 'alice', roles: [] })
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    socket.end(
      `GET /me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${token}\r\nAuthorization: Bearer x\r\nconnection: close\r\n\r\n`,
    )
    expect(await text(socket)).toMatch(/^HTTP\/1.1 401[\s\S]*token_malformed/)
  })

  it('whoever lacks the role, with 403', async () => {
    const answer = await me(`Bearer ${app.signToken({ sub: 'alice', roles: ['reader'] })}`, '/edit')
    expect(answer).toMatchObject({ status: 403, code: 'role_missing' })
    expect(answer.challenge).toContain('error="insufficient_scope"')
    expect(await me(undefined, '/edit')).toMatchObject({ status: 401, code: 'token_missing' })
  })

  it('garbage, whatever it is made of, as 401', () => {
    const segment = fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.constantFrom(head as string, body as string, signature as string, ''),
    )
    const garbage = fc.oneof(
      fc.string(),
      fc.array(segment, { maxLength: 5 }).map((segments) => segments.join('.')),
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    )
    const good = `${head}.${body}.${signature}`
    fc.assert(
      fc.property(garbage, (token) => {
        fc.pre(token !== good)
        expect(() => app.verifyToken(token)).toThrow(expect.objectContaining({ name: 'AuthError', statusCode: 401 }))
      }),
      { numRuns: 500 },
    )
  })

  it('a good token with any one character changed', () => {
    const good = `${head}.${body}.${signature}`
    fc.assert(
      fc.property(fc.nat(good.length - 2), fc.constantFrom(...'AZaz09-_.'), (at, character) => {
        fc.pre(good[at] !== character)
        expect(() => app.verifyToken(good.slice(0, at) + character + good.slice(at + 1))).toThrow(
          expect.objectContaining({ statusCode: 401 }),
        )
      }),
    )
  })
})

describe('rotation', () => {
  it('signs with the first private key and takes tokens of every key in the set', async () => {
    const [oldKey, newKey] = [generateKeys(), generateKeys()].map(({ signing }) => JSON.parse(signing).keys[0])
    const before = Fastify()
    await before.register(auth, { keys: parseKeys(JSON.stringify({ keys: [oldKey] }), 'before') })
    const after = Fastify()
    await after.register(auth, { keys: parseKeys(JSON.stringify({ keys: [newKey, oldKey] }), 'after') })
    const token = before.signToken({ sub: 'alice', roles: [] })
    expect(after.verifyToken(token).subject).toBe('alice')
    expect(() => before.verifyToken(after.signToken({ sub: 'bob', roles: [] }))).toThrow('names no key')
    expect(after.verifyToken(after.signToken({ sub: 'bob', roles: [] })).subject).toBe('bob')
    await Promise.all([before.close(), after.close()])
  })

  it('with public keys only can verify and not sign', async () => {
    const verifier = Fastify()
    await verifier.register(auth, { keys: parseKeys(texts.verifying, 'public half') })
    expect(verifier.verifyToken(app.signToken({ sub: 'alice', roles: [] })).subject).toBe('alice')
    expect(verifier.hasDecorator('signToken')).toBe(false)
    await verifier.close()
  })
})

it('leaves nothing of the library on the app', () => {
  expect(app.hasDecorator('jwt')).toBe(false)
  expect(app.hasRequestDecorator('user')).toBe(false)
})

it('signs with a private key that Node takes as its own', () => {
  expect(createPrivateKey(ours.key.export({ type: 'pkcs8', format: 'pem' })).asymmetricKeyType).toBe('ed25519')
})
