/** An undici interceptor that sends a request once more, to another endpoint, where that is safe and affordable. */
import type { Dispatcher } from 'undici'

export interface RetryOptions {
  /** Milliseconds, monotonic. Default: `performance.now`. */
  clock?: () => number
  /** Default: `Math.random`. */
  random?: () => number
}

/** To be filled in. */
export function retry(_options: RetryOptions = {}): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => dispatch(options, handler)
}
