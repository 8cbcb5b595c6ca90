/** Requests that the cache leaves alone: sent as they are, answered without what upstreams tell the cache. */
import { send, type Uncached } from './call.ts'
import { LiveAnswer } from './live-answer.ts'
import { clientHeaders } from './storable.ts'

export function passBy(call: Uncached): void {
  const { delivery } = call
  const live = new LiveAnswer(delivery, {
    head: ({ status, headers, message }) => {
      delivery.start(status, clientHeaders(headers), message)
      live.take(delivery)
    },
    error: (error) => delivery.fail(error),
  })
  send(call, live)
}
