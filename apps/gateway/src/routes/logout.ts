/** `POST /logout` and `POST /admin/revocations`: tokens that no gateway takes any more once it is answered. */
import type { Identity } from '@spillway/auth'
import { Problem } from '@spillway/service'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { gatewayProblems } from '../errors.ts'
import type { Revoking } from '../revoking.ts'
import type { App } from '../server.ts'
import { BEARER, problemResponses } from './docs.ts'

const Logout = Type.Object(
  { everywhere: Type.Optional(Type.Boolean({ description: 'All tokens of the user’s until now. Default: this one' })) },
  { additionalProperties: false },
)

const RevocationBody = Type.Object(
  {
    subject: Type.Optional(
      Type.String({ pattern: '^[^\\u0000]{1,64}$', description: 'All tokens of this user’s until now' }),
    ),
    tokenId: Type.Optional(
      Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$', description: 'The one token that has this as `jti`' }),
    ),
  },
  {
    additionalProperties: false,
    oneOf: [{ required: ['subject'] }, { required: ['tokenId'] }],
    description: 'Exactly one of `subject` and `tokenId`',
  },
)

const done = { 204: { type: 'null', description: 'No gateway takes what was revoked any more' } }

/** @param ours whether tokens are ours: of an outside issuer's, nothing is known but the one that is sent */
export function logout(app: App, { revoking, ours }: { revoking: Revoking; ours: boolean }): void {
  app.post(
    '/logout',
    {
      bodyLimit: 1024,
      config: { auth: 'signed-in' },
      schema: {
        summary: 'Revokes the token that it comes with, or all of its user’s',
        tags: ['identity'],
        security: [{ [BEARER]: [] }],
        body: Logout,
        response: { ...done, ...problemResponses(400, 401, 409, 413, 502, 503, 504) },
      },
      // Most send none.
      preValidation: async (request: FastifyRequest) => {
        request.body ??= {}
      },
    },
    async (request, reply) => {
      const { subject, tokenId } = request.identity as Identity
      if (request.body.everywhere) {
        if (!ours) throw issuerRevokes()
        await revoking.revoke({ subject }, request)
      } else {
        if (tokenId === undefined) throw new Problem(gatewayProblems.token_unnamed)
        await revoking.revoke({ tokenId }, request)
      }
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/admin/revocations',
    {
      bodyLimit: 8192,
      config: { auth: 'admin' },
      schema: {
        summary: 'Revokes a token, or all of a user’s',
        tags: ['administration'],
        security: [{ [BEARER]: [] }],
        body: RevocationBody,
        response: { ...done, ...problemResponses(400, 401, 403, 409, 413, 502, 503, 504) },
      },
    },
    async (request, reply) => {
      if (!ours) throw issuerRevokes()
      const { subject, tokenId } = request.body
      await revoking.revoke(subject === undefined ? { tokenId: tokenId as string } : { subject }, request)
      return reply.code(204).send(null)
    },
  )
}

function issuerRevokes(): Problem {
  return new Problem(gatewayProblems.issuer_revokes, {
    detail: 'tokens here come from an outside issuer: only the token that is sent can be revoked, by its own `jti`',
  })
}
