/** What the cache is doing and what it holds, as JSON, for people and the laboratory. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { CacheStats, EntriesPage, EntriesQuery } from '@spillway/cache-client'
import type { Store } from '@spillway/ttl-cache'
import type { Coherence } from '../coherence.ts'
import type { Stored } from '../leases.ts'
import { list, placeAt } from '../listing.ts'
import { hitRate } from '../measure.ts'

interface Sources {
  coherence: Coherence
  store: Store<Stored>
  clock: () => number
}

export const stats: FastifyPluginAsyncTypebox<Sources> = async (app, { coherence, store, clock }) => {
  app.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'))

  app.get('/stats', { schema: { response: { 200: CacheStats } } }, () => {
    const { lookups, counts, epoch } = coherence
    return { ...store.counters, ...lookups, hitRate: hitRate(lookups), ...counts, epoch }
  })

  // No bodies: who may look at what is cached need not be somebody who may read it.
  app.get('/entries', { schema: { querystring: EntriesQuery, response: { 200: EntriesPage } } }, (request) => {
    const { prefix: prefixes = [], cursor, limit = 100 } = request.query
    return list(store, { prefixes, after: cursor ? placeAt(cursor) : '', limit }, clock())
  })
}
