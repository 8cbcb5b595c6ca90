/** `GET /`: small and fixed; who answered. What a gateway forwards to when it is told no other remote upstream. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'

const Answer = Type.Object({ service: Type.String(), instance: Type.String(), pid: Type.Integer() })

export const rootRoutes: FastifyPluginAsyncTypebox<{ instance: string }> = async (app, { instance }) => {
  app.get('/', { schema: { response: { 200: Answer } } }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    return { service: 'microservice', instance, pid: process.pid }
  })
}
