/** The budget of limits that hold over all gateways, lent to each in small parts. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Borrowing, type Ledger, Lending } from '@spillway/cache-client'
import type { Coherence } from '../coherence.ts'

interface Options {
  ledger: Ledger
  coherence: Coherence
  clock: () => number
}

export const limits: FastifyPluginAsyncTypebox<Options> = async (app, { ledger, coherence, clock }) => {
  app.post('/limits/borrow', { schema: { body: Borrowing, response: { 200: Lending } } }, (request) => {
    const now = clock()
    // Each gateway has a session: so many share what is lent.
    return { gateways: coherence.counts.sessions, grants: request.body.asks.map((ask) => ledger.lend(ask, now)) }
  })
}
