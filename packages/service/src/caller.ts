/** Who waits for an answer, and how long still. */
import type { FastifyReply, FastifyRequest } from 'fastify'

export interface Caller {
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, on `performance.now()`'s clock. */
  readonly deadlineAt: number
}

/** The caller's own limit where it sent one (`x-timeout-ms`), else none. */
export function callerOf(request: FastifyRequest, reply: FastifyReply): Caller {
  const given = request.headers['x-timeout-ms']
  const ms = typeof given === 'string' && /^\d{1,9}$/.test(given) ? Number(given) : Number.POSITIVE_INFINITY
  const leaving = new AbortController()
  // Not `request.signal`: it listens to the request, which is closed already once its body was read.
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) leaving.abort()
  })
  return { signal: leaving.signal, deadlineAt: performance.now() + ms }
}
