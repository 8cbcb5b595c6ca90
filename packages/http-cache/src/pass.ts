/** Requests that the cache leaves alone: sent as they are, answered without what upstreams tell the cache. */
import type { Dispatcher } from 'undici'
import type { Delivery } from './delivery.ts'
import { LiveAnswer } from './live-answer.ts'
import { clientHeaders } from './storable.ts'

export function passBy(dispatch: Dispatcher.Dispatch, options: Dispatcher.DispatchOptions, delivery: Delivery): void {
  const live = new LiveAnswer({
    inform: (status, headers) => delivery.start(status, headers),
    head: (head) => live.take(delivery, clientHeaders(head.headers)),
    error: (error) => delivery.fail(error),
  })
  send(dispatch, options, live, delivery)
}

/** Dispatches for one reader: his leaving before the head cancels the request. */
export function send(
  dispatch: Dispatcher.Dispatch,
  options: Dispatcher.DispatchOptions,
  live: LiveAnswer,
  delivery: Delivery,
): void {
  delivery.follow({ abort: (reason) => live.abort(reason), pause() {}, resume() {} })
  try {
    dispatch(options, live)
  } catch (error) {
    delivery.fail(error as Error)
  }
}
