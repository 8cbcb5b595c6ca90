/** How long a request may be silent in each phase, and what it fails with if it is for longer. */
import type { Dispatcher } from 'undici'
import type { ProxyErrorType } from './exchange.ts'
import { preferredWait } from './headers.ts'
import { limits } from './limits.ts'

/**
 * ```
 * queued -> connecting -> sending -> waiting -> receiving -> over
 *                            \___________________/ \-> upgraded -> over      (an answer may begin before the request ends)
 * ```
 * From everywhere to `over`: failed, aborted, out of time. undici bounds `connecting`, its socket `upgraded`.
 */
export type Phase = 'queued' | 'connecting' | 'sending' | 'waiting' | 'receiving' | 'upgraded' | 'over'

/** @param ms since the phase began, or its last byte passed */
export function overdue(
  phase: Phase,
  ms: number,
  { headers, body }: Pick<Dispatcher.DispatchOptions, 'headers' | 'body'>,
  idleLimit: number,
): ProxyErrorType | undefined {
  if (phase === 'queued') return ms > limits.queue ? 'connection_limit_reached' : undefined
  if (phase === 'receiving') return ms > idleLimit ? 'connection_read_timeout' : undefined
  if (phase === 'waiting') {
    const waited = ms - limits.answer
    return waited > 0 && waited > preferredWait(headers) ? 'http_response_timeout' : undefined
  }
  if (phase !== 'sending' || ms <= limits.idle) return undefined
  // undici pauses a body whose socket takes no more; one that flows has nothing to give, which is its sender's fault.
  const held = typeof body === 'object' && body !== null && 'isPaused' in body && body.isPaused()
  return held ? 'connection_write_timeout' : 'http_request_error'
}
