/** Tokens that no gateway should take, made by hand with the gateway's own key or a stranger's. */
import { createPrivateKey, sign, type webcrypto } from 'node:crypto'
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

function token(key: Jwk, header: object, claims: object): string {
  const now = Math.floor(Date.now() / 1000)
  const parts = [
    { alg: 'EdDSA', typ: 'JWT', kid: key.kid, ...header },
    { iss: 'spillway', aud: 'spillway', sub: 'ada', roles: ['reader', 'editor', 'admin'], exp: now + 3600, ...claims },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const signature = sign(null, Buffer.from(parts.join('.')), createPrivateKey({ key, format: 'jwk' }))
  return [...parts, signature.toString('base64url')].join('.')
}

/** By what is wrong with them. */
export const badTokens = {
  forged: token({ ...theirs, kid: ours.kid }, {}, {}),
  'signed with an unknown key': token(theirs, {}, {}),
  expired: token(ours, {}, { exp: Math.floor(Date.now() / 1000) - 60 }),
  'for somebody else': token(ours, {}, { aud: 'elsewhere' }),
  'without an algorithm': `${token(ours, { alg: 'none' }, {}).split('.').slice(0, 2).join('.')}.`,
  'no token at all': 'nonsense',
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
