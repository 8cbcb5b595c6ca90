/** The purge stream of a gateway, and its confirmations. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Confirmation, type Hello, type StreamLine } from '@spillway/cache-client'
import { Problem } from '@spillway/service'
import { Type } from 'typebox'
import type { Coherence } from '../coherence.ts'
import { errors } from '../errors.ts'

/** A gateway that reads so slowly has missed its confirmations anyway; one purge may come on top. */
const MAX_UNREAD_BYTES = 1024 * 1024

export const sessions: FastifyPluginAsyncTypebox<{ coherence: Coherence }> = async (app, { coherence }) => {
  app.get(
    '/stream',
    {
      schema: { querystring: Type.Object({ instance: Type.String({ minLength: 1, maxLength: 64 }) }) },
      exposeHeadRoute: false,
    },
    (request, reply) => {
      const { raw } = reply.hijack()
      raw.writeHead(200, { ...app.answerHeaders(request), 'content-type': 'application/x-ndjson' })
      const write = (line: Hello | StreamLine) => {
        if (raw.writableLength > MAX_UNREAD_BYTES) raw.destroy()
        else raw.write(`${JSON.stringify(line)}\n`)
      }
      const { epoch, seq } = coherence
      const { instance } = request.query
      const session = coherence.open({ send: write, close: () => raw.destroy() }, instance)
      write({ epoch, session, seq })
      request.log.info({ gateway: instance, session }, 'a session begins')
      // Writing to one who has just left is no fault; 'close' follows.
      raw.on('error', () => {})
      raw.once('close', () => {
        coherence.close(session)
        request.log.info({ gateway: instance, session }, 'a session has ended')
      })
    },
  )

  app.put(
    '/sessions/:id',
    { schema: { params: Type.Object({ id: Type.String() }), body: Confirmation } },
    (request, reply) => {
      if (!coherence.confirm(request.params.id, request.body.seq)) throw new Problem(errors.session_gone)
      return reply.code(204).send()
    },
  )

  app.delete('/sessions/:id', { schema: { params: Type.Object({ id: Type.String() }) } }, (request, reply) => {
    coherence.forget(request.params.id)
    return reply.code(204).send()
  })
}
