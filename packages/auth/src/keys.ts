/** Key sets as files: JWKS (RFC 7517) holding Ed25519 keys (RFC 8037), made once, read at start, rotated by adding a key. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

const BASE64URL_32_BYTES = '^[A-Za-z0-9_-]{43}$'

const Jwk = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  alg: Type.Literal('EdDSA'),
  use: Type.Literal('sig'),
  kid: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
  x: Type.String({ pattern: BASE64URL_32_BYTES }),
  d: Type.Optional(Type.String({ pattern: BASE64URL_32_BYTES })),
  /** Seconds since 1970 (OpenID Federation 1.0, 8.7.3): no token that names it is valid any more, nor is the key. */
  exp: Type.Optional(Type.Integer({ minimum: 0 })),
})
export type Jwk = Static<typeof Jwk>

const KeySet = Type.Object({ keys: Type.Array(Jwk, { minItems: 1 }) })

/** A key and the one algorithm it verifies by (RFC 8725, 3.1). */
export interface VerifyingKey {
  readonly key: KeyObject
  readonly algorithm: Algorithm
}

export type Algorithm = 'EdDSA' | `${'ES' | 'PS' | 'RS'}${256 | 384 | 512}`

/** What a token must be, beside signed. */
export interface Rules {
  readonly issuer: string
  readonly audience: string
  /** `typ`, of which it must have one (RFC 8725, 3.11). */
  readonly types: readonly string[]
  /** The claim that holds the roles; the names on the way to it, where it is within others. */
  readonly roles: readonly string[]
  /** Characters. */
  readonly maxLength: number
}

/** Every key that a token may name, and the one that signs: the first with a private half, where there is one. */
export interface Keys {
  readonly verifying: ReadonlyMap<string, VerifyingKey>
  readonly signing?: { readonly kid: string; readonly key: KeyObject }
  readonly rules: Rules
}

/** Of the tokens that we sign. They have about 400 characters; a role list that needs more than this has outgrown tokens. */
const OURS: Rules = { issuer: 'spillway', audience: 'spillway', types: ['JWT'], roles: ['roles'], maxLength: 4096 }

/** Where a server's keys come from, and go on coming from. */
export interface KeySource {
  readonly current: Keys
  /** One follower is told of each change, of one after the other. */
  follow(follower: (keys: Keys) => Promise<void>): void
  /** Looks again, where it may: for a token that names a key that is not known. Resolves once it has; never rejects. */
  look?(): Promise<void>
  close(): void
}

/** A key set that cannot be used; the message names the file (or source) and what is wrong in it. */
export class KeyError extends Error {
  override name = 'KeyError'
}

/** The texts of two files: `signing` holds private halves and must stay secret (mode 0600). */
export interface KeyTexts {
  readonly signing: string
  readonly verifying: string
}

/** A new key alone. */
export function generateKeys(): KeyTexts {
  const key = generateKey()
  return { signing: keySetText([key]), verifying: keySetText([withoutPrivateHalf(key)]) }
}

export function generateKey(): Jwk {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { crv, d, kty, x } = privateKey.export({ format: 'jwk' })
  // The thumbprint of RFC 7638: these members alone, in this order.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url')
  return { kty, crv, alg: 'EdDSA', use: 'sig', kid, x, d } as Jwk
}

export function keySetText(keys: readonly Jwk[]): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`
}

export function withoutPrivateHalf({ d: _, ...key }: Jwk): Jwk {
  return key
}

/** Keys that may still be named, in their order. */
export function standing(keys: readonly Jwk[]): Jwk[] {
  return keys.filter(({ exp }) => exp === undefined || exp * 1000 > Date.now())
}

/** The public halves of ours, for whoever verifies: what `/.well-known/jwks.json` answers (RFC 7517, 5). */
export function publicKeys({ verifying }: Keys): { keys: Jwk[] } {
  const keys = [...verifying].map(([kid, { key }]): Jwk => {
    const { x = '' } = key.export({ format: 'jwk' })
    return { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid, x }
  })
  return { keys }
}

/** @throws {KeyError} where the file cannot be read or is no usable key set. */
export async function readKeys(file: string): Promise<Keys> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new KeyError(`cannot read the keys in ${file}: ${cause.message}`, { cause })
  })
  return parseKeys(text, file)
}

/**
 * @param source what to call the text in errors
 * @throws {KeyError}
 */
export function parseKeys(text: string, source: string): Keys {
  const verifying = new Map<string, VerifyingKey>()
  let signing: Keys['signing']
  for (const jwk of standing(keySet(text, source))) {
    if (verifying.has(jwk.kid)) throw new KeyError(`${source} has two keys called ${jwk.kid}`)
    verifying.set(jwk.kid, {
      key: createPublicKey({ key: withoutPrivateHalf(jwk), format: 'jwk' }),
      algorithm: 'EdDSA',
    })
    if (jwk.d === undefined) continue
    const key = privateKey(jwk, jwk.d, source)
    signing ??= { kid: jwk.kid, key }
  }
  return { verifying, rules: OURS, ...(signing ? { signing } : {}) }
}

/**
 * All of a set, past ones too.
 * @throws {KeyError}
 */
export function keySet(text: string, source: string): Jwk[] {
  let set: unknown
  try {
    set = JSON.parse(text)
  } catch {
    // The parser's message quotes the text, and the text may be a private key: neither is passed on.
    // biome-ignore lint/style/useErrorCause: the cause would carry the secret into the log
    throw new KeyError(`${source} is not JSON`)
  }
  if (Value.Check(KeySet, set)) return set.keys
  const mistakes = Value.Errors(KeySet, set).map(({ instancePath, message }) => `${instancePath || 'it'} ${message}`)
  throw new KeyError(`${source} is not a set of Ed25519 keys: ${mistakes.join('; ')}`)
}

function privateKey({ kty, crv, x, kid }: Jwk, d: string, source: string): KeyObject {
  try {
    return createPrivateKey({ key: { kty, crv, x, d }, format: 'jwk' })
  } catch (cause) {
    throw new KeyError(`${source}: x and d of the key ${kid} do not belong together`, { cause })
  }
}
