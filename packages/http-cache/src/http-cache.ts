/** An undici interceptor: RFC 9111 caching, as a shared cache, over whatever stores answers for a cluster. */
import { createExchange, type Exchange, exchangeOf } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import type { Call } from './call.ts'
import { Delivery } from './delivery.ts'
import { requestField } from './fields.ts'
import { Fills } from './fills.ts'
import { passBy } from './pass.ts'
import { Reader } from './reader.ts'
import { type HttpCacheOptions, settingsOf } from './settings.ts'
import { isAmbiguous } from './target.ts'
import { write } from './write.ts'

/** RFC 9110, 9.2.1. A method not known here may change something. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const READS = new Set(['GET', 'HEAD'])

/**
 * GET and HEAD are answered through the cache where their exchange names a scope, or where they have no exchange, for
 * everybody then (`public`); unsafe methods are followed by a purge; all else passes by. Handlers may be called before
 * `dispatch` returns, and fail with what the dispatcher fails with, or {@link OnlyIfCached}, {@link FillFailed}, or, where
 * a write's purge is not confirmed, with what the cache says of that.
 *
 * @throws {TypeError} for options that cannot be meant
 */
export function httpCache({ cache, ...told }: HttpCacheOptions): Dispatcher.DispatcherComposeInterceptor {
  const settings = settingsOf(told)
  const fills = new Fills(settings.fills)
  return (dispatch) => {
    const inTurn = fills.around(dispatch)
    return (given, handler) => {
      if (given.upgrade || given.method === 'CONNECT') return dispatch(given, handler)
      const options = exchangeOf(given) ? given : { ...given, exchange: createExchange({ scope: 'public' }) }
      const delivery = new Delivery(handler)
      const scoped = exchangeOf(options)?.scope !== undefined && READS.has(options.method)
      if (!delivery.over) answer({ cache, settings, dispatch: scoped ? inTurn : dispatch, options, delivery })
      return true
    }
  }
}

/**
 * For what is never cached: every request passes by, and no purge follows an unsafe one. As with {@link httpCache}, clients
 * are not told what upstreams tell caches.
 */
export function bypassCache(): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    if (options.upgrade || options.method === 'CONNECT') return dispatch(options, handler)
    const exchange = exchangeOf(options)
    if (exchange) exchange.cacheStatus = 'fwd=bypass'
    const delivery = new Delivery(handler)
    if (!delivery.over) passBy({ dispatch, options, delivery })
    return true
  }
}

function answer(call: Call): void {
  const { options } = call
  const exchange = exchangeOf(options)
  if (!SAFE.has(options.method)) {
    if (exchange) exchange.cacheStatus = 'fwd=method'
    write(call)
  } else if (mayBeCached(options, exchange)) {
    new Reader(call, exchange).start()
  } else {
    if (exchange) exchange.cacheStatus = 'fwd=bypass'
    passBy(call)
  }
}

/**
 * A body is not in the key, nor is undici's `query`; of an ambiguous path nobody knows whose answer it is; and a
 * precondition for the origin would be lost on the way to a fill (RFC 9111, 4.3.2).
 */
function mayBeCached(
  { method, path, body, query, headers }: Dispatcher.DispatchOptions,
  exchange: Exchange | undefined,
): exchange is Exchange & { scope: string } {
  if (exchange?.scope === undefined || !READS.has(method)) return false
  if (body || query || isAmbiguous(path)) return false
  return requestField(headers, 'if-match') === undefined && requestField(headers, 'if-unmodified-since') === undefined
}
