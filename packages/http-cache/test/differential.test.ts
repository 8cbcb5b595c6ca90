/** Whatever is asked, answered and waited, http-cache does what the model does: the same answer, from the same place. */
import { createExchange } from '@spillway/upstreams'
import fc from 'fast-check'
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { requestField } from '../src/fields.ts'
import { httpCache } from '../src/index.ts'
import { MemoryCache } from './memory-cache.ts'
import { type Answer, type Fields, Model, type Outcome, type Request } from './model.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: Date.UTC(2026, 0, 1) })
})
afterEach(() => vi.useRealTimers())

interface Step extends Request {
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
type Cache = (step: Step, index: number) => Promise<{ outcome: Outcome; asked: Fields[] }>

function modelled(honours: boolean): Cache {
  const model = new Model(now, honours)
  return async (step, index) => {
    const { asked, answer } = origin(step, index)
    return { outcome: model.handle(step, answer), asked }
  }
}

function real(honours: boolean): Cache {
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
  const cached = httpCache({ cache, earlyRefresh: 0, clientDirectives: honours ? 'honour' : 'ignore' })(dispatch)
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

/** What client and origin can see, but for what tells nothing. */
function seen({ outcome: { status, headers, body, from }, asked }: Awaited<ReturnType<Cache>>) {
  const {
    'content-length': _1,
    'accept-ranges': _2,
    'cdn-cache-control': _3,
    'cache-tag': _4,
    date: _5,
    ...rest
  } = headers
  return { status, body, from, headers: rest, asked }
}

const seconds = fc.constantFrom('0', '5', '30', '"10"', '-1', '1.5', 'x', '', '99999999999')
const words = fc.constantFrom(
  ...[
    'public',
    'private',
    'private="x"',
    'no-store',
    'no-cache',
    'no-cache="x"',
    'must-revalidate',
    'proxy-revalidate',
  ],
  ...['must-understand', 'immutable', 'unknown', 'unknown=1'],
)
const timed = fc
  .tuple(
    fc.constantFrom('max-age', 'max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error', 'Max-Age'),
    seconds,
  )
  .map(([name, argument]) => `${name}=${argument}`)
const field = (...members: fc.Arbitrary<string>[]) =>
  fc
    .tuple(fc.array(fc.oneof(...members), { minLength: 1, maxLength: 4 }), fc.constantFrom(', ', ',', ' ,\t', ',,'))
    .map(([all, comma]) => all.join(comma))
const usual = fc.constantFrom(
  'max-age=20',
  'public, max-age=20',
  'max-age=10, stale-while-revalidate=20',
  'max-age=10, stale-if-error=60',
)
const cacheControl = fc.oneof(usual, field(timed, words, timed))
const said = fc.record(
  {
    'cache-control': cacheControl,
    'cdn-cache-control': fc.constantFrom(
      'max-age=15',
      'no-store',
      'public, max-age=5, stale-while-revalidate=30',
      'max-age=5;x',
    ),
    age: fc.constantFrom('0', '3', '40', 'x', '3, 40'),
    vary: fc.constantFrom('accept-language', 'Accept-Language, X-A', '*', 'x-a'),
    etag: fc.constantFrom('"1"', 'W/"1"', '"2"'),
    'last-modified': fc.constant('Wed, 31 Dec 2025 00:00:00 GMT'),
    'set-cookie': fc.constant('a=b'),
    'cache-tag': fc.constantFrom('one', 'one, two'),
    'content-type': fc.constantFrom('text/plain', 'text/html'),
  },
  { requiredKeys: [] },
)
const headers = fc.record(
  {
    'accept-language': fc.constantFrom('de', 'DE', 'fr', 'de , fr', ''),
    'x-a': fc.constantFrom('a', 'A'),
    authorization: fc.constant('Bearer a'),
    cookie: fc.constantFrom('a=1', 'a=2'),
    'if-none-match': fc.constantFrom('"1"', '"2"', '*', 'W/"1", "3"'),
    'if-modified-since': fc.constantFrom('Wed, 31 Dec 2025 00:00:00 GMT', 'Tue, 30 Dec 2025 00:00:00 GMT'),
    'if-match': fc.constant('"1"'),
    'cache-control': fc.constantFrom(
      'no-cache',
      'no-store',
      'max-age=0',
      'max-age=12',
      'min-fresh=12',
      'max-stale',
      'max-stale=5',
    ),
    pragma: fc.constant('no-cache'),
  },
  { requiredKeys: [] },
)
const rarely = <T>(value: fc.Arbitrary<T>, usually: T) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usually) }, { weight: 1, arbitrary: value })
const step: fc.Arbitrary<Step> = fc.record({
  method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'HEAD', 'PUT'),
  path: fc.constantFrom('/a', '/a', '/b?c'),
  headers: rarely(headers, {}),
  after: fc.constantFrom(0, 1, 5, 12, 25, 700, 4000),
  takes: rarely(fc.constantFrom(1, 3), 0),
  status: rarely(fc.constantFrom(200, 204, 301, 302, 404, 400, 403, 410, 429, 500, 503), 200),
  said: fc.oneof(
    said,
    usual.map((value): Fields => ({ 'cache-control': value, etag: '"1"' })),
  ),
  dated: fc.record(
    { date: fc.constantFrom(0, -2, -30, 60), expires: fc.constantFrom<(number | string)[]>(20, 0, -5, '0', 'soon') },
    { requiredKeys: [] },
  ),
  unchanged: fc.constantFrom('no', 'same', 'same', 'other', 'none'),
}) as fc.Arbitrary<Step>

/** What was found so: each was ours to mend. */
const plain: Step = {
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
const staleUsed = { 'cache-control': 'max-age=10, stale-while-revalidate=20', etag: '"1"' }
const found: [string, Step[]][] = [
  [
    'a cookie that comes with a 304 is its reader’s',
    [plain, { ...plain, after: 12, said: { 'set-cookie': 'a=b' }, unchanged: 'same' }],
  ],
  [
    'so is its age, where it may not be stored',
    [plain, { ...plain, after: 25, said: { age: '40', vary: 'x-a' }, unchanged: 'same' }],
  ],
  [
    'what is used stale as asked is not refreshed early',
    [
      { ...plain, said: staleUsed },
      { ...plain, after: 12, headers: { 'cache-control': 'max-stale=5' } },
    ],
  ],
]

describe.each([false, true])('against the model, request directives honoured: %s', (honours) => {
  const alike = async (steps: readonly Step[]) => {
    const began = Date.now()
    const run = async (cache: Cache) => {
      vi.setSystemTime(began)
      const all: object[] = []
      for (const [index, each] of steps.entries()) {
        vi.advanceTimersByTime(each.after * 1000)
        all.push(seen(await cache(each, index)))
      }
      return all
    }
    const expected = await run(modelled(honours))
    expect(await run(real(honours))).toEqual(expected)
  }

  it.each(found)('%s', (_, steps) => alike(steps))

  it('each request of any sequence is answered alike', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), alike), {
      numRuns: Number(process.env['RUNS'] ?? 300),
    })
  })
})
