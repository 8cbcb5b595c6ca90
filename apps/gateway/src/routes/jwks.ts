/** `GET /.well-known/jwks.json`: the keys by which anybody can verify our tokens (RFC 7517, 5). */
import { type KeySource, publicKeys } from '@spillway/auth'
import { Type } from 'typebox'
import type { App } from '../server.ts'

const Jwk = Type.Object({
  kty: Type.Literal('OKP'),
  crv: Type.Literal('Ed25519'),
  alg: Type.Literal('EdDSA'),
  use: Type.Literal('sig'),
  kid: Type.String(),
  x: Type.String(),
})

/** Seconds. A rotation shows its new key first and signs with it later, but not that much later: ask anew for an unknown `kid`. */
const MAX_AGE = 60

export function jwks(app: App, keys: KeySource): void {
  app.get(
    '/.well-known/jwks.json',
    {
      config: { auth: 'public' },
      schema: {
        summary: 'Gives the keys that verify tokens',
        description: 'A JWK set. Whoever meets a `kid` that is not in the copy he has asks again.',
        tags: ['identity'],
        security: [],
        response: { 200: Type.Object({ keys: Type.Array(Jwk) }, { description: 'Public halves alone' }) },
      },
    },
    (_request, reply) => {
      reply.header('cache-control', `public, max-age=${MAX_AGE}`)
      return publicKeys(keys.current)
    },
  )
}
