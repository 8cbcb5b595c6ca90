/** `GET /stress-test`: always the same CPU-bound work, never cached, to see what the processes can do. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { callerOf } from '@spillway/service'
import { Type } from 'typebox'
import type { Computations } from '../computations.ts'

/** About 3 ms of a core. */
const N = 3_000_000

const Answer = Type.Object({
  n: Type.Integer(),
  primes: Type.Integer(),
  durationMs: Type.Number(),
  pid: Type.Integer(),
})

export const stressTestRoutes: FastifyPluginAsyncTypebox<{ computations: Computations }> = async (
  app,
  { computations },
) => {
  app.get(
    '/stress-test',
    {
      schema: { response: { 200: Answer } },
      onRequest: async (_request, reply) => void reply.header('cache-control', 'no-store'),
    },
    async (request, reply) => ({ n: N, ...(await computations.primes(N, callerOf(request, reply))), pid: process.pid }),
  )
}
