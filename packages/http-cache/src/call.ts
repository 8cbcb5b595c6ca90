/** One dispatch as the parts of this package hand it to each other. */
import type { SharedCache } from '@spillway/cache-client'
import type { Dispatcher } from 'undici'
import type { Delivery } from './delivery.ts'
import type { LiveAnswer } from './live-answer.ts'
import type { Settings } from './settings.ts'

/** One that the cache has nothing to do with. */
export interface Uncached {
  /** To whatever is behind the cache. */
  readonly dispatch: Dispatcher.Dispatch
  /** What was asked for. */
  readonly options: Dispatcher.DispatchOptions
  /** Who asked. */
  readonly delivery: Delivery
}

export interface Call extends Uncached {
  readonly cache: SharedCache
  readonly settings: Settings
}

/** Sends it as it is: whoever asked cancels it by leaving before the head; after that it follows who takes the answer. */
export function send({ dispatch, options, delivery }: Uncached, live: LiveAnswer): void {
  delivery.follow({ abort: (reason) => live.abort(reason), pause() {}, resume() {} })
  try {
    dispatch(options, live)
  } catch (error) {
    delivery.fail(error as Error)
  }
}
