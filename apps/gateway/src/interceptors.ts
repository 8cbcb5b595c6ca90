/** Composes a route's own interceptors around its dispatcher, and keeps one that fails from harming more than its request. */
import { Problem } from '@spillway/service'
import type { Dispatcher } from 'undici'
import { gatewayProblems } from './errors.ts'
import type { OwnInterceptor } from './routes-file/interceptors.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController

const CALLBACKS = [
  ...(['onRequestStart', 'onRequestUpgrade', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const),
  ...(['onResponseError', 'onResponseStarted', 'onBodySent', 'onRequestSent'] as const),
]

/** The first has a request first, and its answer last. */
export function intercepted(dispatcher: Dispatcher, interceptors: readonly OwnInterceptor[]): Dispatcher {
  return interceptors.length === 0 ? dispatcher : dispatcher.compose(interceptors.map(guarded).toReversed())
}

/**
 * What it throws, or rejects with, in its dispatch or in its handler's callbacks, ends its request with 500. What those
 * around it throw is theirs.
 */
function guarded({ file, intercept }: OwnInterceptor): Dispatcher.DispatcherComposeInterceptor {
  const others = new WeakSet<object>()
  const attempt = <T>(act: () => T, end: (problem: Problem) => void): T | undefined => {
    const fail = (error: unknown) =>
      end(new Problem(gatewayProblems.interceptor_failed, { cause: new Error(`${file} failed`, { cause: error }) }))
    try {
      const result = act()
      if (result instanceof Promise) result.catch(fail)
      return result
    } catch (error) {
      if (others.has(error as object)) throw error
      fail(error)
      return undefined
    }
  }
  return (dispatch) => {
    const own = intercept((options, handler) => {
      const inner = relay(handler, (call) => attempt(call, inner.end))
      return dispatch(options, inner.handler)
    })
    return (options, handler) => {
      const outer = relay(handler, (call) => {
        try {
          return call()
        } catch (error) {
          others.add(error as object)
          throw error
        }
      })
      return attempt(() => own(options, outer.handler), outer.end) ?? true
    }
  }
}

/** Passes on what a handler is told, by `pass`, until it is ended: then it hears of the problem and of nothing else. */
function relay(handler: Handler, pass: (call: () => unknown) => unknown) {
  let controller: Controller | undefined
  let ended = false
  const callbacks = CALLBACKS.filter((name) => handler[name]).map((name) => {
    const callback = (...given: unknown[]) => {
      if (name === 'onRequestStart') controller = given[0] as Controller
      if (!ended) pass(() => (handler[name] as (...given: unknown[]) => unknown).apply(handler, given))
    }
    return [name, callback]
  })
  return {
    handler: Object.fromEntries(callbacks) as Handler,
    end(problem: Problem): void {
      if (ended) return
      ended = true
      try {
        handler.onResponseError?.(controller as Controller, problem)
      } catch {
        // It has had its say. Whoever waits behind it is answered when the route's time is over.
      }
      controller?.abort(problem)
    },
  }
}
