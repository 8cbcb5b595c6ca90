/** What our tokens are: signed and verified as RFC 8725 asks, with nothing in them left to the caller's choice. */
import { type KeyObject, randomBytes } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'
import { AuthError } from './errors.ts'
import type { Keys, Rules, VerifyingKey } from './keys.ts'
import { LEEWAY_MS, Remembered } from './remembered.ts'
import { Revocations } from './revocations.ts'

/** Who a verified token speaks for. */
export interface Identity {
  readonly subject: string
  readonly roles: readonly string[]
  /** Seconds since 1970, as `issuedAt`. */
  readonly expiresAt: number
  /** By which the token can be revoked alone (`jti`). Ours have one; an outside issuer's may have none. */
  readonly tokenId?: string
  readonly issuedAt?: number
}

export interface Claims {
  sub: string
  roles: readonly string[]
  /** Seconds since 1970. Default: now, by our own clock. */
  iat?: number
}

/** How long a new token lives, in seconds. */
export const TOKEN_LIFETIME_S = 3600

/** Each would let a token bring its own key or rules (RFC 8725, 3.10; RFC 7515, 4.1.11). */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit']

/** Of `jti`. One that is none of these is as good as missing: it could not be kept. */
const TOKEN_ID = /^[\x21-\x7e]{1,256}$/
/** 128 bits: none is drawn twice. */
const TOKEN_ID_BYTES = 16

/** Pinned to one key, it verifies synchronously. */
interface Verifier {
  readonly by: VerifyingKey
  readonly verify: (token: string) => Record<string, unknown>
}

/** Signs and verifies with a set of keys, and with another one whenever it is told. */
export class Tokens {
  readonly #rules: Rules
  readonly #revocations: Revocations
  #verifiers: ReadonlyMap<string, Verifier> = new Map()
  readonly #remembered = new Remembered<Verifier>()
  #sign: ((claims: Claims) => string) | undefined

  static async of(keys: Keys, revocations = new Revocations()): Promise<Tokens> {
    const tokens = new Tokens(keys.rules, revocations)
    await tokens.use(keys)
    return tokens
  }

  private constructor(rules: Rules, revocations: Revocations) {
    this.#rules = rules
    this.#revocations = revocations
  }

  /** From now on these. What was verified by a key that stays is still remembered. */
  async use(keys: Keys): Promise<void> {
    const verifiers = new Map<string, Verifier>()
    for (const [kid, by] of keys.verifying) {
      const before = this.#verifiers.get(kid)
      const same = before?.by.algorithm === by.algorithm && before.by.key.equals(by.key)
      verifiers.set(kid, same ? before : { by, verify: (await this.#bound(kid, by)).verify })
    }
    const { signing } = keys
    const by = signing && keys.verifying.get(signing.kid)
    this.#sign = signing && by ? (await this.#bound(signing.kid, by, signing.key)).sign : undefined
    this.#verifiers = verifiers
    this.#remembered.keep(new Set(verifiers.values()))
  }

  get canSign(): boolean {
    return this.#sign !== undefined
  }

  /** Only where the keys have a private half. */
  sign(claims: Claims): string {
    if (!this.#sign) throw new Error('these keys have no private half to sign with')
    return this.#sign(claims)
  }

  /** @throws {AuthError}, an {@link UnknownKey} where it names a key that is not known */
  verify(token: string): Identity {
    const identity = this.#remembered.find(token) ?? this.#verify(token)
    if (this.#revocations.has(identity)) throw new AuthError('revoked', 'the token was revoked; sign in again')
    return identity
  }

  #verify(token: string): Identity {
    const { maxLength, types, roles } = this.#rules
    if (token.length > maxLength) {
      throw new AuthError('malformed', `the token has ${token.length} characters; the limit is ${maxLength}`)
    }
    const header = readHeader(token)
    const refused = REFUSED_HEADERS.find((name) => Object.hasOwn(header, name))
    if (refused) throw new AuthError('invalid', `tokens with the header ${refused} are not taken`)
    const { kid, typ } = header
    if (!types.includes(typ as string)) throw new AuthError('invalid', `the token’s typ is not ${types.join(' or ')}`)
    const verifier = typeof kid === 'string' ? this.#verifiers.get(kid) : undefined
    if (!verifier) throw new UnknownKey('invalid', 'the token names no key that is known here')
    try {
      const verified = identity(verifier.verify(token), roles)
      this.#remembered.add(token, verified, verifier)
      return verified
    } catch (cause) {
      if (cause instanceof AuthError) throw cause
      const { code, message } = cause as { code?: string; message: string }
      throw code === 'FAST_JWT_EXPIRED'
        ? new AuthError('expired', message, cause)
        : new AuthError('invalid', message, cause)
    }
  }

  /**
   * @fastify/jwt with one key, on a server of its own that never listens: a plugin cannot join one that is ready, and keys
   * come later.
   */
  async #bound(kid: string, { key, algorithm }: VerifyingKey, signing?: KeyObject) {
    const { issuer, audience } = this.#rules
    const scope = Fastify()
    await scope.register(jwt, {
      secret: {
        public: key.export({ type: 'spki', format: 'pem' }).toString(),
        ...(signing ? { private: signing.export({ type: 'pkcs8', format: 'pem' }).toString() } : {}),
      },
      sign: { algorithm, kid, iss: issuer, aud: audience, expiresIn: TOKEN_LIFETIME_S },
      verify: {
        algorithms: [algorithm],
        allowedIss: issuer,
        allowedAud: audience,
        requiredClaims: ['iss', 'aud', 'sub', 'exp'],
        clockTolerance: LEEWAY_MS,
      },
    })
    await scope.ready()
    return {
      verify: (token: string): Record<string, unknown> => scope.jwt.verify(token),
      sign({ sub, roles, iat }: Claims): string {
        // By our own clock, and not `iat`, which may lie a little ahead of it.
        const nbf = Math.floor(Date.now() / 1000)
        const jti = randomBytes(TOKEN_ID_BYTES).toString('base64url')
        return scope.jwt.sign({ sub, roles, jti, iat: iat ?? nbf, nbf })
      },
    }
  }
}

/** It may be a new one. */
export class UnknownKey extends AuthError {}

/** Not verified yet: only good for choosing the key and refusing early. */
function readHeader(token: string): Record<string, unknown> {
  const end = token.indexOf('.')
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, Math.max(end, 0)), 'base64url').toString())
    if (isRecord(header)) return header
  } catch {
    // Falls through to the same answer as a header that is no object.
  }
  throw new AuthError('malformed', 'the token is not a JSON Web Token')
}

/** What the signature vouches for is still checked for shape: an older or a mistaken signer may have left something out. */
function identity(claims: Record<string, unknown>, path: readonly string[]): Identity {
  const { sub, exp, jti, iat } = claims
  if (typeof sub !== 'string' || sub === '') throw new AuthError('invalid', 'the token names nobody')
  if (!Number.isSafeInteger(exp)) throw new AuthError('invalid', 'the token’s exp is not a time')
  const roles = path.reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), claims)
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) {
    throw new AuthError('invalid', `the token’s ${path.join('.')} is not a list of names`)
  }
  return Object.freeze({
    subject: sub,
    roles: Object.freeze([...roles]),
    expiresAt: exp as number,
    ...(typeof jti === 'string' && TOKEN_ID.test(jti) ? { tokenId: jti } : {}),
    ...(typeof iat === 'number' ? { issuedAt: iat } : {}),
  })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
