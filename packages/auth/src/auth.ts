/** Fastify plugin: who is asking (`request.identity`), for any service that must know or that signs people in. */
import type { FastifyInstance, FastifyRequest, onRequestHookHandler, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { type Access, accessOf, checkOf } from './access.ts'
import { AuthError } from './errors.ts'
import type { KeySource, Keys } from './keys.ts'
import type { RevocationFeed } from './revocation-feed.ts'
import { type Claims, type Identity, Tokens, UnknownKey } from './tokens.ts'

export interface AuthOptions {
  /** A source is followed, and closed with the server. */
  keys: Keys | KeySource
  /** Begun and closed with the server. Default: nothing is ever revoked. */
  revocations?: RevocationFeed
}

/** For an app that answers in the place of one that has them already. */
interface SharedOptions {
  sharedWith: FastifyInstance
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call the route; every route that comes after the plugin must say so. */
    auth?: Access
  }
  interface FastifyInstance {
    /** A token for an hour. Exists only where the keys hold a private half. */
    signToken(claims: Claims): string
    /** @throws {AuthError} `token_malformed`, `token_expired`, `token_invalid` or `token_revoked` */
    verifyToken(token: string): Identity
    /** The same at once, unless the token names a key that has to be looked for; then it may reject, too. */
    identify(token: string): Identity | Promise<Identity>
  }
  interface FastifyRequest {
    /** Null until the route's `config.auth` has let the request pass, and on public routes. */
    identity: Identity | null
  }
}

export const auth = fp<AuthOptions | SharedOptions>(
  async (app, options) => {
    const desk = 'keys' in options ? await openDesk(app, options) : options.sharedWith
    app.decorate('verifyToken', desk.verifyToken)
    app.decorate('identify', desk.identify)
    if (desk.signToken) app.decorate('signToken', desk.signToken)
    app.decorateRequest('identity', null)
    app.addHook('onRoute', guard)
  },
  { name: '@spillway/auth', fastify: '5.x' },
)

/** What answers for tokens; none is signed where the keys hold no private half. */
type Desk = Pick<FastifyInstance, 'verifyToken' | 'identify'> & Partial<Pick<FastifyInstance, 'signToken'>>

async function openDesk(app: FastifyInstance, { keys, revocations }: AuthOptions): Promise<Desk> {
  const source = 'follow' in keys ? keys : undefined
  const tokens = await Tokens.of('follow' in keys ? keys.current : keys, revocations?.revocations)
  if (source) {
    source.follow((changed) => tokens.use(changed))
    app.addHook('onClose', async () => source.close())
  }
  if (revocations) {
    app.addHook('onReady', () => revocations.begin())
    app.addHook('onClose', async () => revocations.close())
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

/**
 * A hook (`onRequest`, so that strangers' bodies are not read) that lets only some requests pass; for whoever's other hooks
 * must stand behind it. What a route says in its `config.auth` holds without.
 *
 * Refuses with 401 `token_missing`, `token_malformed`, `token_expired`, `token_invalid` or `token_revoked`, and with 403
 * `role_missing` or `owner_only` who is signed in.
 */
export function requireAccess(access: Access): onRequestHookHandler {
  const check = checkOf(access)
  if (!check) return (_request, _reply, done) => done()
  return (request, _reply, done) => {
    const pass = (identity: Identity) => {
      request.identity = identity
      check(identity, request.params)
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

/** Puts what the route says before the hooks that it has itself. */
function guard(route: RouteOptions): void {
  try {
    const access = accessOf(route.config?.auth, route.url)
    if (access !== 'public') route.onRequest = [requireAccess(access), ...[route.onRequest ?? []].flat()]
  } catch (cause) {
    throw new TypeError(`${route.method} ${route.url} ${(cause as Error).message}`, { cause })
  }
}

const BEARER = /^bearer(?: +|$)/i

/** RFC 6750, 2.1, and nothing else: no token in a body, a query or a cookie. */
function bearerToken(request: FastifyRequest): string {
  const { authorization } = request.headers
  if (authorization === undefined) throw new AuthError('missing', 'send Authorization: Bearer <token>')
  // Node keeps the first of several and drops the others; the next hop may keep another one.
  if (timesSent(request.raw.rawHeaders, 'authorization') > 1) {
    throw new AuthError('malformed', 'the request has more than one Authorization')
  }
  const given = authorization.trim()
  const bearer = BEARER.exec(given)
  if (bearer === null) throw new AuthError('missing', 'the authorization scheme taken here is Bearer')
  const token = given.slice(bearer[0].length)
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
