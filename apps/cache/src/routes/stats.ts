/** The cache's figures as JSON, for people and the laboratory. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Store } from '@spillway/ttl-cache'
import type { Coherence } from '../coherence.ts'
import { hitRate } from '../measure.ts'

interface Sources {
  coherence: Coherence
  store: Store<object>
}

export const stats: FastifyPluginAsyncTypebox<Sources> = async (app, { coherence, store }) => {
  app.get('/stats', async (_request, reply) => {
    const { counters } = store
    return reply
      .header('cache-control', 'no-store')
      .send({ ...counters, hitRate: hitRate(counters), ...coherence.counts, epoch: coherence.epoch })
  })
}
