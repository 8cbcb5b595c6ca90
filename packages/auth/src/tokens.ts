/** What our tokens are: signed and verified as RFC 8725 asks, with nothing in them left to the caller's choice. */
import jwt from '@fastify/jwt'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { AuthError } from './errors.ts'
import type { Keys } from './keys.ts'

/** Who a verified token speaks for. */
export interface Identity {
  readonly subject: string
  readonly roles: readonly string[]
  /** Seconds since 1970. */
  readonly expiresAt: number
}

export interface Claims {
  sub: string
  roles: readonly string[]
}

/** How long a new token lives, in seconds. */
export const TOKEN_LIFETIME_S = 3600

const ISSUER = 'spillway'
const AUDIENCE = 'spillway'
const ALGORITHM = 'EdDSA'
const LEEWAY_MS = 5000
/** Ours have about 400 characters; a role list that needs more than this has outgrown tokens. */
const MAX_TOKEN_LENGTH = 4096
/** Verified tokens remembered, so that a signature is checked once: about 1 kB each, and 5 kB at most. */
const REMEMBERED = 5000
/** Each would let a token bring its own key or rules (RFC 8725, 3.10; RFC 7515, 4.1.11). */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit']

type Verify = (token: string) => Record<string, unknown>

export interface Tokens {
  /** @throws {AuthError} */
  verify(token: string): Identity
  sign?: (claims: Claims) => string
}

/** One @fastify/jwt a key, each in a scope of its own: pinned to that key it verifies synchronously. */
export async function createTokens(app: FastifyInstance, keys: Keys): Promise<Tokens> {
  const verifiers = new Map<string, Verify>()
  const tokens: Tokens = { verify: remembering((token) => verify(token, verifiers)) }
  for (const [kid, key] of keys.verifying) {
    const signing = keys.signing?.kid === kid ? keys.signing.key : undefined
    const pinned: FastifyPluginAsync = async (scope) => {
      await scope.register(jwt, {
        secret: {
          public: key.export({ type: 'spki', format: 'pem' }).toString(),
          ...(signing ? { private: signing.export({ type: 'pkcs8', format: 'pem' }).toString() } : {}),
        },
        sign: { algorithm: ALGORITHM, kid, iss: ISSUER, aud: AUDIENCE, expiresIn: TOKEN_LIFETIME_S, notBefore: 0 },
        verify: {
          algorithms: [ALGORITHM],
          checkTyp: 'JWT',
          allowedIss: ISSUER,
          allowedAud: AUDIENCE,
          requiredClaims: ['iss', 'aud', 'sub', 'exp'],
          clockTolerance: LEEWAY_MS,
        },
      })
      verifiers.set(kid, (token) => scope.jwt.verify(token))
      if (signing) tokens.sign = ({ sub, roles }) => scope.jwt.sign({ sub, roles })
    }
    await app.register(pinned)
  }
  return tokens
}

/**
 * Answers from memory for a token that was verified, until its `exp` (and the leeway) is over. Refusals are not remembered:
 * one that is not valid yet must be looked at again. Not fast-jwt's own cache, which reads the token's header and makes a
 * digest of the whole each time, at twenty times the cost.
 */
function remembering(verify: Tokens['verify']): Tokens['verify'] {
  const known = new Map<string, Identity>()
  return (token) => {
    const remembered = known.get(token)
    if (remembered && Date.now() < remembered.expiresAt * 1000 + LEEWAY_MS) return remembered
    known.delete(token)
    const identity = verify(token)
    // The oldest makes way.
    if (known.size >= REMEMBERED) known.delete(known.keys().next().value as string)
    known.set(token, identity)
    return identity
  }
}

function verify(token: string, verifiers: ReadonlyMap<string, Verify>): Identity {
  if (token.length > MAX_TOKEN_LENGTH) {
    throw new AuthError('malformed', `the token has ${token.length} characters; the limit is ${MAX_TOKEN_LENGTH}`)
  }
  const header = readHeader(token)
  const refused = REFUSED_HEADERS.find((name) => Object.hasOwn(header, name))
  if (refused) throw new AuthError('invalid', `tokens with the header ${refused} are not taken`)
  const verifier = typeof header['kid'] === 'string' ? verifiers.get(header['kid']) : undefined
  if (!verifier) throw new AuthError('invalid', 'the token names no key that is known here')
  try {
    return identity(verifier(token))
  } catch (cause) {
    if (cause instanceof AuthError) throw cause
    const { code, message } = cause as { code?: string; message: string }
    throw code === 'FAST_JWT_EXPIRED'
      ? new AuthError('expired', message, cause)
      : new AuthError('invalid', message, cause)
  }
}

/** Not verified yet: only good for choosing the key and refusing early. */
function readHeader(token: string): Record<string, unknown> {
  const end = token.indexOf('.')
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, Math.max(end, 0)), 'base64url').toString())
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>
  } catch {
    // Falls through to the same answer as a header that is no object.
  }
  throw new AuthError('malformed', 'the token is not a JSON Web Token')
}

/** What the signature vouches for is still checked for shape: an older or a mistaken signer may have left something out. */
function identity({ sub, roles, exp }: Record<string, unknown>): Identity {
  if (typeof sub !== 'string' || sub === '') throw new AuthError('invalid', 'the token names nobody')
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) {
    throw new AuthError('invalid', 'the token’s roles are not a list of names')
  }
  if (!Number.isSafeInteger(exp)) throw new AuthError('invalid', 'the token’s exp is not a time')
  return Object.freeze({ subject: sub, roles: Object.freeze([...roles]), expiresAt: exp as number })
}
