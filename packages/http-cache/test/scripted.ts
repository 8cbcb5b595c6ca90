/** A cache before an origin that follows a script, in time that is made: http-cache over a store in memory, or the model. */
import { createExchange } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { vi } from 'vitest'
import { requestField } from '../src/fields.ts'
import { httpCache } from '../src/index.ts'
import { MemoryCache } from './memory-cache.ts'
import { type Answer, type Fields, Model, type Outcome, type Request, type Settings } from './model.ts'

export interface Step extends Request {
  /** Seconds before it, and that the origin takes. */
  readonly after: number
  readonly takes: number
  readonly status: number
  readonly said: Fields
  /** Seconds from now, where the answer has such a field. */
  readonly dated: { readonly date?: number; readonly expires?: number | string }
  /** What it says to conditions: nothing has changed, with this validator. */
  readonly unchanged: 'no' | 'same' | 'other' | 'none'
}

const now = () => Date.now() / 1000
const at = (seconds: number) => new Date((now() + seconds) * 1000).toUTCString()

/** The origin, as both see it: each asks it in its own time. */
function origin(step: Step, index: number) {
  const asked: Fields[] = []
  const answer = (conditions: Fields): Answer => {
    asked.push(conditions)
    vi.advanceTimersByTime(step.takes * 1000)
    const { date, expires } = step.dated
    const body = step.status === 204 ? '' : `body ${index}`
    const headers: Record<string, string> = { ...step.said, 'content-length': String(body.length) }
    if (date !== undefined) headers['date'] = at(date)
    if (expires !== undefined) headers['expires'] = typeof expires === 'number' ? at(expires) : expires
    const conditional = Object.keys(conditions).length > 0
    if (conditional && step.unchanged !== 'no') return notModified(headers, conditions, step.unchanged)
    return { status: step.status, headers, body }
  }
  return { asked, answer }
}

function notModified(headers: Fields, conditions: Fields, unchanged: 'same' | 'other' | 'none'): Answer {
  const { etag: _etag, 'last-modified': _modified, ...told } = headers
  const { 'if-none-match': etag, 'if-modified-since': modified } = conditions
  const same = etag === undefined ? { 'last-modified': modified as string } : { etag }
  const validator = { same, other: { etag: '"other"' }, none: {} }[unchanged]
  return { status: 304, headers: { ...told, ...validator }, body: '' }
}

/** The same request to a model, or to http-cache, from the same moment on. */
export type Cache = (step: Step, index: number) => Promise<{ outcome: Outcome; asked: Fields[] }>

export function modelled(settings: Settings): Cache {
  const model = new Model(now, settings)
  return async (step, index) => {
    const { asked, answer } = origin(step, index)
    return { outcome: model.handle(step, answer), asked }
  }
}

export function real({ honours, ttl = 0, negativeTtl = 0, heuristic = 0, storesWithCookie = false }: Settings): Cache {
  const cache = new MemoryCache()
  let answer: (conditions: Fields) => Answer
  const dispatch: Dispatcher.Dispatch = ({ headers }, handler) => {
    const conditions: Record<string, string> = {}
    for (const name of CONDITIONS) {
      const value = requestField(headers, name)
      if (value !== undefined) conditions[name] = value
    }
    const given = answer(conditions)
    const controller = { aborted: false, paused: false, reason: null, pause() {}, resume() {}, abort() {} }
    handler.onRequestStart?.(controller, null)
    handler.onResponseStart?.(controller, given.status, { ...given.headers }, '')
    if (given.body !== '') handler.onResponseData?.(controller, Buffer.from(given.body))
    handler.onResponseEnd?.(controller, {})
    return true
  }
  const cached = httpCache({
    cache,
    clientDirectives: honours ? 'honour' : 'ignore',
    earlyRefresh: 0,
    heuristic,
    negativeTtl: negativeTtl * 1000,
    storeSetCookie: storesWithCookie,
    ttl: ttl * 1000,
  })(dispatch)
  return async (step, index) => {
    const its = origin(step, index)
    answer = its.answer
    // The model knows nothing of those who wait for each other.
    cache.passes.clear()
    const exchange = createExchange({ scope: 'public' })
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const got = { status: 0, headers: {}, body: '' }
    const { method, path, headers } = step
    cached({ origin: 'http://origin', method, path, headers, exchange } as Dispatcher.DispatchOptions, {
      onRequestStart: () => {},
      onResponseStart: (_, status, fields) => void Object.assign(got, { status, headers: { ...fields } }),
      onResponseData: (_, chunk) => {
        got.body += chunk
      },
      onResponseEnd: () => resolve(got),
      onResponseError: (_, error) => reject(error),
    })
    const outcome = { ...(await promise), from: fromOf(exchange.cacheStatus ?? '') }
    // What goes on in the background.
    await new Promise((done) => setImmediate(done))
    return { outcome, asked: its.asked }
  }
}

const CONDITIONS = ['if-none-match', 'if-modified-since']

function fromOf(status: string): Outcome['from'] {
  if (status.startsWith('hit')) return 'stored'
  if (status === 'fwd=method') return 'method'
  if (status === 'fwd=bypass' || status === 'fwd=request') return 'bypass'
  if (status.includes('ttl=')) return 'instead'
  return status.includes('fwd-status=304') ? 'confirmed' : 'origin'
}

/** What is asked for and answered where a test does not say otherwise. */
export const plain: Step = {
  method: 'GET',
  path: '/a',
  headers: {},
  after: 0,
  takes: 0,
  status: 200,
  said: { 'cache-control': 'max-age=10', etag: '"1"' },
  dated: {},
  unchanged: 'no',
}
