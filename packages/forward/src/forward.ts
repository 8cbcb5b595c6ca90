/** Streams one Fastify request to a dispatcher and the answer back: the hot path of balancer and gateway. */
import type { Socket } from 'node:net'
import { hasBody, isDetached, target } from '@spillway/intake'
import { createExchange, Deadlines, type Exchange, type ExchangeOptions, UpstreamError } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { Answer } from './answer.ts'
import { ClientBody, wholeBody } from './client-body.ts'
import { HopFailure } from './failure.ts'
import { createHop } from './hop.ts'
import type { Forward, ForwardedRequest, ForwardOptions } from './options.ts'
import { requestHead, timeAllowed } from './request-head.ts'

/**
 * Makes the one function that forwards. It rejects with a {@link HopFailure} while nothing was answered,
 * for the server's error handler; once the answer has begun, a failure breaks the client's connection.
 * How long bodies may be silent is the dispatcher's matter.
 * The server needs `intake` (`@spillway/intake`), and must leave bodies unread (`hasBody: false` for its methods, see README).
 */
export function createForward(options: ForwardOptions): Forward {
  const { dispatcher, origin } = options
  // What `compose` returns is a Proxy.
  const dispatch = dispatcher.dispatch.bind(dispatcher)
  const hop = createHop(options)
  const deadlines = new Deadlines()

  return (request, reply, how = {}) => {
    const { raw } = request
    // The client may have left while others looked at its request.
    if (reply.raw.destroyed) {
      reply.hijack()
      return undefined
    }
    const timeout = timeAllowed(raw, options.timeout, (how.queuedMs ?? 0) + (how.faultMs ?? 0))
    const exchange = exchangeFor(how, raw.socket)
    if (timeout <= 0) {
      const late = new UpstreamError('http_response_timeout', { sent: false, detail: 'No time was left' })
      return Promise.reject(new HopFailure(late, hop, exchange))
    }
    const asked = target(raw)
    const answer = new Answer({ hop, deadlines }, request, reply, exchange)
    const dispatched: ExchangeOptions = {
      origin,
      path: how.path ?? asked?.path ?? '/',
      method: raw.method as Dispatcher.HttpMethod,
      headers: requestHead(request, hop, { timeout, authority: asked?.authority, streamed: how.body === undefined }),
      body: how.body ?? null,
      upgrade: isDetached(raw) ? 'websocket' : null,
      exchange,
    }
    const send = () => {
      answer.expectWithin(timeout, dispatched.body instanceof ClientBody ? dispatched.body : undefined)
      try {
        dispatch(dispatched, answer)
      } catch (error) {
        answer.fail(error as Error)
      }
      answer.keepTime()
    }
    if (how.body !== undefined || !hasBody(raw)) send()
    else {
      // By then what came in one packet with the head is parsed.
      queueMicrotask(() => {
        dispatched.body = wholeBody(raw) ?? new ClientBody(raw)
        send()
      })
    }
    return answer.attend()
  }
}

function exchangeFor(
  { changes, scope, hashKey, queuedMs = 0, faultMs = 0 }: ForwardedRequest,
  socket: Socket,
): Exchange {
  const exchange = createExchange()
  if (scope !== undefined) {
    exchange.scope = scope
    exchange.calledAt = `${socket.localAddress}:${socket.localPort}`
  }
  if (changes !== undefined) exchange.changes = changes
  if (hashKey !== undefined) exchange.hashKey = hashKey
  if (queuedMs > 0) exchange.timings.push({ name: 'queue', ms: queuedMs })
  if (faultMs > 0) exchange.timings.push({ name: 'fault', ms: faultMs, description: 'fault_injected' })
  return exchange
}
