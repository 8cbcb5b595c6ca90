/** `/revocations`: reading what was revoked, and revoking what is one's own. For services on the private network. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Identity, Revocation, type RevocationFeed, RevocationPage } from '@spillway/auth'
import type { Database } from '@spillway/postgres'
import { callerOf, Problem, type ServiceContext } from '@spillway/service'
import { Type } from 'typebox'
import { errors } from '../errors.ts'
import { aside, readRevocations, revokeSubject, revokeToken, sweepRevocations, through } from '../revocations.ts'

interface RevocationRoutes {
  database: Database
  /** By which this process refuses tokens. */
  known: RevocationFeed['revocations']
  logger: ServiceContext['logger']
}

const closed = { additionalProperties: false }
const Wanted = Type.Union([
  Type.Object({ tokenId: Type.String({ pattern: '^[\\x21-\\x7e]{1,256}$' }) }, closed),
  Type.Object({ subject: Type.String({ pattern: '^[^\\u0000]{1,256}$' }) }, closed),
])

const SWEEP_EVERY_MS = 600_000

export const revocationRoutes: FastifyPluginAsyncTypebox<RevocationRoutes> = async (
  app,
  { database, known, logger },
) => {
  app.get(
    '/revocations',
    {
      config: { auth: 'public' },
      schema: {
        querystring: Type.Object({ after: Type.Integer({ minimum: 0, default: 0 }) }, closed),
        response: { 200: RevocationPage },
      },
    },
    async (request, reply) => {
      const page = await readRevocations(through(database, callerOf(request, reply)), request.query.after)
      return reply.header('cache-control', 'no-store').send(page)
    },
  )

  app.post(
    '/revocations',
    { config: { auth: 'signed-in' }, schema: { body: Wanted, response: { 201: Revocation } } },
    async (request, reply) => {
      const { body } = request
      const { tokenId, subject, roles, expiresAt } = request.identity as Identity
      const own = 'tokenId' in body ? body.tokenId === tokenId : body.subject === subject
      if (!own && !roles.includes('admin')) throw new Problem(errors.revocation_refused)
      const sql = through(database, callerOf(request, reply))
      const revocation =
        'tokenId' in body
          ? await revokeToken(sql, { tokenId: body.tokenId, expiresAt: own ? expiresAt : undefined })
          : await revokeSubject(sql, body.subject)
      known.add(revocation)
      return reply.code(201).send(revocation)
    },
  )

  const sweep = setInterval(() => {
    sweepRevocations(aside(database)).catch((err) => logger.warn({ err }, 'old revocations stay'))
  }, SWEEP_EVERY_MS)
  app.addHook('onClose', async () => clearInterval(sweep))
}
