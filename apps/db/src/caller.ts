/** Who waits for an answer, and how long still. */
import type { FastifyRequest } from 'fastify'

export interface Caller {
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal
  /** When the caller stops waiting, on `performance.now()`'s clock. */
  readonly deadlineAt: number
}

/** The caller's own limit where it sent one (`x-timeout-ms`), else none. */
export function callerOf(request: FastifyRequest): Caller {
  const given = request.headers['x-timeout-ms']
  const ms = typeof given === 'string' && /^\d{1,9}$/.test(given) ? Number(given) : Number.POSITIVE_INFINITY
  return { signal: request.signal, deadlineAt: performance.now() + ms }
}
