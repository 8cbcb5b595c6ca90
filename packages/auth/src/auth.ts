/** Fastify plugin: who is asking (`request.identity`), for any service that must know or that signs people in. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { AuthError } from './errors.ts'
import type { KeySource, Keys } from './keys.ts'
import { type Claims, type Identity, Tokens, UnknownKey } from './tokens.ts'

export interface AuthOptions {
  /** A source is followed, and closed with the server. */
  keys: Keys | KeySource
}

/** For an app that answers in the place of one that has them already. */
interface SharedOptions {
  sharedWith: FastifyInstance
}

declare module 'fastify' {
  interface FastifyInstance {
    /** A token for an hour. Exists only where the keys hold a private half. */
    signToken(claims: Claims): string
    /** @throws {AuthError} `token_malformed`, `token_expired` or `token_invalid` */
    verifyToken(token: string): Identity
    /** The same at once, unless the token names a key that has to be looked for; then it may reject, too. */
    identify(token: string): Identity | Promise<Identity>
  }
  interface FastifyRequest {
    /** Null until `requireSignedIn` or `requireRole` has let the request pass. */
    identity: Identity | null
  }
}

export const auth = fp<AuthOptions | SharedOptions>(
  async (app, options) => {
    const desk = 'keys' in options ? await openDesk(app, options.keys) : options.sharedWith
    app.decorate('verifyToken', desk.verifyToken)
    app.decorate('identify', desk.identify)
    if (desk.signToken) app.decorate('signToken', desk.signToken)
    app.decorateRequest('identity', null)
  },
  { name: '@spillway/auth', fastify: '5.x' },
)

/** What answers for tokens; none is signed where the keys hold no private half. */
type Desk = Pick<FastifyInstance, 'verifyToken' | 'identify'> & Partial<Pick<FastifyInstance, 'signToken'>>

async function openDesk(app: FastifyInstance, keys: Keys | KeySource): Promise<Desk> {
  const source = 'follow' in keys ? keys : undefined
  const tokens = await Tokens.of('follow' in keys ? keys.current : keys)
  if (source) {
    source.follow((changed) => tokens.use(changed))
    app.addHook('onClose', async () => source.close())
  }
  return {
    verifyToken: (token) => tokens.verify(token),
    identify(token) {
      try {
        return tokens.verify(token)
      } catch (error) {
        if (!(source?.look && error instanceof UnknownKey)) throw error
        return source.look().then(() => tokens.verify(token))
      }
    },
    ...(tokens.canSign ? { signToken: (claims: Claims) => tokens.sign(claims) } : {}),
  }
}

/** A hook (`onRequest`, so that strangers' bodies are not read) that lets only some requests pass. */
type Guard = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

/** Refuses with 401 `token_missing`, `token_malformed`, `token_expired` or `token_invalid`. */
export function requireSignedIn(): Guard {
  return guard(() => {})
}

/** Refuses like `requireSignedIn`, and with 403 `role_missing` whoever is signed in without `role`. */
export function requireRole(role: string): Guard {
  return guard(({ roles }) => {
    if (!roles.includes(role)) throw new AuthError('role', `this needs the role ${role}`)
  })
}

/** `check` throws where this identity may not pass. */
function guard(check: (identity: Identity) => void): Guard {
  return (request, _reply, done) => {
    const pass = (identity: Identity) => {
      request.identity = identity
      check(identity)
    }
    const identity = request.identity ?? request.server.identify(bearerToken(request))
    if (identity instanceof Promise) {
      identity.then(pass).then(() => done(), done)
    } else {
      pass(identity)
      done()
    }
  }
}

const BEARER = /^bearer(?: +(.*))?$/i

/** RFC 6750, 2.1, and nothing else: no token in a body, a query or a cookie. */
function bearerToken(request: FastifyRequest): string {
  const { authorization } = request.headers
  if (authorization === undefined) throw new AuthError('missing', 'send Authorization: Bearer <token>')
  // Node keeps the first of several and drops the others; the next hop may keep another one.
  if (timesSent(request.raw.rawHeaders, 'authorization') > 1) {
    throw new AuthError('malformed', 'the request has more than one Authorization')
  }
  const bearer = BEARER.exec(authorization.trim())
  if (bearer === null) throw new AuthError('missing', 'the authorization scheme taken here is Bearer')
  const [, token = ''] = bearer
  if (token === '' || token.includes(' ')) throw new AuthError('malformed', 'Bearer is followed by one token')
  return token
}

function timesSent(rawHeaders: readonly string[], name: string): number {
  let times = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] as string
    if (field.length === name.length && field.toLowerCase() === name) times++
  }
  return times
}
