/** Unsafe requests: what they may have changed is purged everywhere before they are answered (RFC 9111, 4.4). */
import { exchangeOf, UpstreamError } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { type Call, send } from './call.ts'
import { changedBy } from './invalidation.ts'
import { type Head, LiveAnswer } from './live-answer.ts'
import { clientHeaders } from './storable.ts'

/**
 * Whatever comes back, a status or an error, or the client's leaving: the upstream may have done it, so what
 * it may have changed is purged. Only a request that no endpoint can have seen is followed by nothing.
 */
export function write(call: Call): void {
  const { cache, options, delivery } = call
  const purge = async (answer?: Head) => {
    const startedAt = performance.now()
    await cache.purge({ tags: changedBy(options, answer) })
    exchangeOf(options)?.timings.push({ name: 'cache', ms: performance.now() - startedAt, description: 'purge' })
  }
  const answered = async (head: Head) => {
    live.hold()
    try {
      await purge(head)
    } catch (unconfirmed) {
      live.abort(unconfirmed as Error)
      delivery.fail(unconfirmed as Error)
      return
    }
    delivery.start(head.status, clientHeaders(head.headers), head.message)
    live.take(delivery)
  }
  const failed = async (error: Error) => {
    // The upstream's failure is what the client must know; that the purge failed too changes nothing for him.
    if (!neverSent(error, options)) await purge().catch(() => {})
    delivery.fail(error)
  }
  const live: LiveAnswer = new LiveAnswer(delivery, {
    head: (head) => void answered(head),
    error: (error) => void failed(error),
  })
  send(call, live)
}

/** The last attempt says that it was not sent; of an earlier one, at another endpoint, it says nothing. */
function neverSent(error: Error, options: Dispatcher.DispatchOptions): boolean {
  return error instanceof UpstreamError && !error.sent && (exchangeOf(options)?.tried.length ?? 0) <= 1
}
