/** Answers that a hop gives in the place of an upstream: a redirect, or what somebody has written down. */
import { hasBody, target } from '@spillway/intake'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Answers one request. */
type Own = (request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** @param locate makes the location of the path that is asked for, query included. It may throw. */
export function redirecting(status: number, locate: (asked: string) => string): Own {
  return (request, reply) => {
    const location = locate(target(request.raw)?.path ?? '')
    return end(request, reply.code(status).header('location', location))
  }
}

/** Without a `content-type`, a body is plain text. */
export function answering(answer: {
  readonly status?: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}): Own {
  const { status = 200, body, headers = {} } = answer
  // As bytes, since Fastify adds a charset to what it takes for a text.
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const fields = { ...(bytes && { 'content-type': 'text/plain; charset=utf-8' }), ...lowerCased(headers) }
  return (request, reply) => end(request, reply.code(status).headers(fields), bytes)
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** Nobody reads a body that came with the request: its connection is of no more use. */
function end({ raw }: FastifyRequest, reply: FastifyReply, body?: Buffer): FastifyReply {
  if (hasBody(raw)) reply.header('connection', 'close')
  return reply.send(body)
}
