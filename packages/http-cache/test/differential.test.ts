/** Whatever is asked, answered and waited, http-cache does what the model does: the same answer, from the same place. */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Fields, Settings } from './model.ts'
import { type Cache, modelled, plain, real, type Step } from './scripted.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: Date.UTC(2026, 0, 1) })
})
afterEach(() => vi.useRealTimers())

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
  'max-age=10, stale-if-error=60, must-revalidate',
)
const cacheControl = fc.oneof(usual, field(timed, words, timed))
/** A few of these fields: where all may be, hardly anything is stored. */
const few = (fields: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<Fields> =>
  fc
    .subarray(Object.keys(fields), { maxLength: 2 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fields[name] as fc.Arbitrary<string>]))))
const said = fc
  .tuple(
    fc.record(
      { 'cache-control': cacheControl, etag: fc.constantFrom('"1"', '"1"', 'W/"1"', '"2"') },
      { requiredKeys: [] },
    ),
    few({
      'cdn-cache-control': fc.constantFrom(
        'max-age=15',
        'no-store',
        'public, max-age=5, stale-while-revalidate=30',
        'max-age=5;x',
      ),
      age: fc.constantFrom('0', '3', '40', 'x', '3, 40'),
      vary: fc.constantFrom('accept-language', 'Accept-Language, X-A', '*', 'x-a'),
      'last-modified': fc.constant('Wed, 31 Dec 2025 00:00:00 GMT'),
      'set-cookie': fc.constant('a=b'),
      'cache-tag': fc.constantFrom('one', 'one, two'),
      'content-type': fc.constantFrom('text/plain', 'text/html'),
      'content-encoding': fc.constant('br'),
      'access-control-allow-origin': fc.constantFrom('*', 'http://a'),
    }),
  )
  .map(([first, others]): Fields => ({ ...first, ...others }))
const headers = few({
  'accept-language': fc.constantFrom('de', 'DE', 'fr', 'de , fr', ''),
  'x-a': fc.constantFrom('a', 'A'),
  'accept-encoding': fc.constantFrom('br', 'gzip, BR'),
  origin: fc.constantFrom('http://a', 'http://b'),
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
})
const rarely = <T>(value: fc.Arbitrary<T>, usually: T) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usually) }, { weight: 1, arbitrary: value })
/** What comes again and again in one course: otherwise the second reader hardly ever wants what the first has left. */
const pools = fc.record({
  headers: fc.array(headers, { maxLength: 2 }),
  said: fc.array(said, { minLength: 1, maxLength: 2 }),
  status: fc.array(fc.constantFrom(204, 301, 302, 404, 400, 403, 405, 410, 429, 500, 501, 503), { maxLength: 1 }),
})
const course = pools.chain(({ headers, said, status }) =>
  fc.array(
    fc.record({
      method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'GET', 'HEAD', 'PUT'),
      path: fc.constantFrom('/a', '/a', '/a', '/b?c'),
      headers: fc.constantFrom<Fields[]>({}, ...headers),
      after: fc.constantFrom(0, 0, 1, 5, 12, 25, 700, 4000),
      takes: rarely(fc.constantFrom(1, 3), 0),
      status: fc.constantFrom(200, 200, ...status),
      said: fc.constantFrom(...said),
      dated: rarely(
        fc.record(
          {
            date: fc.constantFrom(0, -2, -30, 60),
            expires: fc.constantFrom<(number | string)[]>(20, 0, -5, '0', 'soon'),
          },
          { requiredKeys: [] },
        ),
        {},
      ),
      unchanged: fc.constantFrom<Step['unchanged'][]>('no', 'same', 'same', 'other', 'none'),
    }),
    { minLength: 1, maxLength: 8 },
  ),
) as fc.Arbitrary<Step[]>

const staleUsed = { 'cache-control': 'max-age=10, stale-while-revalidate=20', etag: '"1"' }
/** What was found so: each was ours to mend. */
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

const RUNS = Number(process.env['RUNS'] ?? 300)
const settings: Settings[] = [
  {},
  { honours: true },
  { heuristic: 0.1 },
  { ttl: 7, negativeTtl: 4, storesWithCookie: true },
]

describe.each(settings)('against the model, with %j', (settings) => {
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
    const expected = await run(modelled(settings))
    expect(await run(real(settings))).toEqual(expected)
  }

  it.each(found)('%s', (_, steps) => alike(steps))

  it('each request of any sequence is answered alike', { timeout: 20_000 + RUNS * 20 }, async () => {
    await fc.assert(fc.asyncProperty(course, alike), { numRuns: RUNS })
  })
})
