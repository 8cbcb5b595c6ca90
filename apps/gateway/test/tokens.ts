/** Tokens that no gateway should take, made by hand with the gateway's own key or a stranger's. */
import { createHmac, createPrivateKey, createPublicKey, sign, type webcrypto } from 'node:crypto'
import { generateKeys } from '@spillway/auth'
import { keys } from './gateway.ts'

type Jwk = webcrypto.JsonWebKey & { kid: string }

const ours = firstKey(keys.signing)
const theirs = firstKey(generateKeys().signing)

function firstKey(set: string): Jwk {
  const [jwk] = (JSON.parse(set) as { keys: Jwk[] }).keys
  if (!jwk) throw new Error('the set has no key')
  return jwk
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function token(key: Jwk, header: object, claims: object): string {
  const exp = Math.floor(Date.now() / 1000) + 3600
  const parts = [
    { alg: 'EdDSA', typ: 'JWT', kid: key.kid, ...header },
    { iss: 'spillway', aud: 'spillway', sub: 'ada', roles: ['reader', 'editor', 'admin'], exp, ...claims },
  ].map(part)
  const signature = sign(null, Buffer.from(parts.join('.')), createPrivateKey({ key, format: 'jwk' }))
  return [...parts, signature.toString('base64url')].join('.')
}

const now = () => Math.floor(Date.now() / 1000)
const [head = '', body = '', signature = ''] = token(ours, {}, {}).split('.')
const secret = createPublicKey(createPrivateKey({ key: ours, format: 'jwk' })).export({ type: 'spki', format: 'pem' })
const hs256 = `${part({ alg: 'HS256', typ: 'JWT', kid: ours.kid })}.${body}`

/** By what is wrong with them; in each the caller would be ada, with every role. */
export const badTokens: Readonly<Record<string, { token: string; code: string }>> = {
  ...invalid({
    'forged under our key’s name': token({ ...theirs, kid: ours.kid }, {}, {}),
    'signed with an unknown key': token(theirs, {}, {}),
    'that names no key': token(ours, { kid: undefined }, {}),
    'whose key’s name is a path': token(ours, { kid: '../../dev/null' }, {}),
    'for somebody else': token(ours, {}, { aud: 'elsewhere' }),
    'for nobody in particular': token(ours, {}, { aud: undefined }),
    'of another issuer': token(ours, {}, { iss: 'elsewhere' }),
    'of no issuer': token(ours, {}, { iss: undefined }),
    'not valid yet': token(ours, {}, { nbf: now() + 3000 }),
    'without an end': token(ours, {}, { exp: undefined }),
    'whose end is a text': token(ours, {}, { exp: '2100-01-01' }),
    'whose end is beyond all numbers': token(ours, {}, { exp: 1e300 }),
    'without a subject': token(ours, {}, { sub: undefined }),
    'whose subject is a list': token(ours, {}, { sub: ['ada'] }),
    'without roles': token(ours, {}, { roles: undefined }),
    'whose roles are a text': token(ours, {}, { roles: 'admin' }),
    'of another type': token(ours, { typ: 'at+jwt' }, {}),
    'of no type': token(ours, { typ: undefined }, {}),
    'with the algorithm none, unsigned': `${part({ alg: 'none', typ: 'JWT', kid: ours.kid })}.${body}.`,
    'with the algorithm none, signed': token(ours, { alg: 'none' }, {}),
    'with our public key as a secret': `${hs256}.${createHmac('sha256', secret).update(hs256).digest('base64url')}`,
    'with another payload': `${head}.${part({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'eve' })}.${signature}`,
    'without its signature': `${head}.${body}.`,
    'with a key set of its own': token(theirs, { kid: ours.kid, jku: 'http://127.0.0.1:9/keys' }, {}),
    'with a key of its own': token(theirs, { kid: ours.kid, jwk: { ...theirs, d: undefined } }, {}),
    'with a certificate’s address': token(ours, { x5u: 'http://127.0.0.1:9/certificate' }, {}),
    'with a certificate of its own': token(ours, { x5c: ['AAAA'] }, {}),
    'with an extension that is critical': token(ours, { crit: ['exp'] }, {}),
  }),
  expired: { token: token(ours, {}, { exp: now() - 60 }), code: 'token_expired' },
  'that is nonsense': { token: 'nonsense', code: 'token_malformed' },
  'longer than tokens are': { token: token(ours, {}, { roles: ['x'.repeat(5000)] }), code: 'token_malformed' },
}

function invalid(tokens: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(tokens).map(([what, token]) => [what, { token, code: 'token_invalid' }]))
}

/** One who signs people in by himself: the key set that he shows, and his tokens. */
export const outsideIssuer = {
  keySet: JSON.stringify({ keys: [{ ...theirs, d: undefined }] }),
  token: (claims: object) => token(theirs, {}, claims),
}

/** What a token says, unverified. */
export function decodeJwt(text: string): { header: unknown; claims: unknown } {
  const [header = '', claims = ''] = text.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header), claims: JSON.parse(claims) }
}
