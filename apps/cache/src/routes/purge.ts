/** Purges: answered when no gateway can serve what they name. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { MAX_PURGE_BYTES, PurgeBody } from '@spillway/cache-client'
import type { Coherence } from '../coherence.ts'

export const purge: FastifyPluginAsyncTypebox<{ coherence: Coherence }> = async (app, { coherence }) => {
  app.post('/purge', { bodyLimit: MAX_PURGE_BYTES, schema: { body: PurgeBody } }, async (request, reply) => {
    await coherence.purge(request.body)
    return reply.code(204).send()
  })
}
