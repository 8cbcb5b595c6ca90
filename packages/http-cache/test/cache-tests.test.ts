/** The promises that cache-tests.fyi asks of caches, one by one, in our words, and what peers have got wrong of them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Fields, Outcome } from './model.ts'
import { plain, real, type Step } from './scripted.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: Date.UTC(2026, 0, 1) })
})
afterEach(() => vi.useRealTimers())

const ETAG = '"1"'
const DATE = 'Wed, 31 Dec 2025 00:00:00 GMT'

async function outcomes(steps: Partial<Step>[]) {
  const cache = real({})
  const all: (Outcome & { asked: Fields[] })[] = []
  for (const [index, step] of steps.entries()) {
    vi.advanceTimersByTime((step.after ?? 0) * 1000)
    const { outcome, asked } = await cache({ ...plain, ...step }, index)
    all.push({ ...outcome, asked })
  }
  return all
}

/** Where the last of these readers has his answer from. */
const last = async (steps: Partial<Step>[]) => (await outcomes(steps)).at(-1) as Outcome & { asked: Fields[] }
const cc = (value: string, more: Fields = {}): Partial<Step> => ({ said: { 'cache-control': value, ...more } })

describe('freshness: 5 s later, an answer is reused', () => {
  it.each<[string, Fields, boolean]>([
    ['with no word of it', {}, false],
    ['max-age', { 'cache-control': 'max-age=60' }, true],
    ['in any letter case', { 'cache-control': 'MaX-aGe=60' }, true],
    ['quoted', { 'cache-control': 'max-age="60"' }, true],
    ['single-quoted', { 'cache-control': "max-age='60'" }, false],
    ['with zeros before', { 'cache-control': 'max-age=00060' }, true],
    ['beyond 2^31', { 'cache-control': 'max-age=99999999999' }, true],
    ['decimal', { 'cache-control': 'max-age=60.0' }, false],
    ['negative', { 'cache-control': 'max-age=-60' }, false],
    ['a letter before', { 'cache-control': 'max-age=a60' }, false],
    ['a letter behind', { 'cache-control': 'max-age=60a' }, false],
    ['the first of two, fresh', { 'cache-control': 'max-age=60, max-age=1' }, true],
    ['the first of two, stale', { 'cache-control': 'max-age=1, max-age=60' }, false],
    ['in another’s quotes before', { 'cache-control': 'x="max-age=60", max-age=1' }, false],
    ['in another’s quotes behind', { 'cache-control': 'max-age=1, x="max-age=60"' }, false],
    ['beside what nobody knows', { 'cache-control': 'foobar, max-age=60, x=y' }, true],
    ['s-maxage, however short max-age', { 'cache-control': 'max-age=1, s-maxage=60' }, true],
    ['s-maxage, however long max-age', { 'cache-control': 's-maxage=1, max-age=60' }, false],
    ['no-store beside it', { 'cache-control': 'no-store, max-age=60' }, false],
    ['private beside it', { 'cache-control': 'max-age=60, private' }, false],
    ['private, of a field', { 'cache-control': 'max-age=60, private="x"' }, false],
    ['Pragma, which says nothing in an answer', { 'cache-control': 'max-age=60', pragma: 'no-cache' }, true],
    ['Expires in time to come', { expires: 'Thu, 01 Jan 2026 01:00:00 GMT' }, true],
    ['Expires, past', { expires: DATE }, false],
    ['Expires 0', { expires: '0' }, false],
    ['Expires in another zone', { expires: 'Thu, 01 Jan 2026 01:00:00 PST' }, false],
    ['Expires of RFC 850', { expires: 'Thursday, 01-Jan-26 01:00:00 GMT' }, true],
    ['Expires past, max-age to come', { expires: DATE, 'cache-control': 'max-age=60' }, true],
    ['Expires to come, max-age=0', { expires: 'Thu, 01 Jan 2026 01:00:00 GMT', 'cache-control': 'max-age=0' }, false],
    ['older than that', { 'cache-control': 'max-age=60', age: '60' }, false],
    ['of an age that is no number', { 'cache-control': 'max-age=60', age: 'abc' }, true],
    ['of a negative age', { 'cache-control': 'max-age=60', age: '-7200' }, true],
    ['of two ages, the first counts', { 'cache-control': 'max-age=60', age: '7200, 0' }, false],
    ['of two ages, the first counts, too', { 'cache-control': 'max-age=60', age: '0, 7200' }, true],
    [
      'CDN-Cache-Control before Cache-Control',
      { 'cdn-cache-control': 'max-age=60', 'cache-control': 'no-store' },
      true,
    ],
    ['CDN-Cache-Control, stricter', { 'cdn-cache-control': 'no-store', 'cache-control': 'max-age=60' }, false],
    ['CDN-Cache-Control that is none', { 'cdn-cache-control': 'max-age=60,,', 'cache-control': 'max-age=60' }, true],
    ['CDN-Cache-Control, empty', { 'cdn-cache-control': '', 'cache-control': 'max-age=60' }, true],
    ['Vary: *', { 'cache-control': 'max-age=60', vary: '*' }, false],
    ['Vary: *, among others', { 'cache-control': 'max-age=60', vary: 'x-a, ,*' }, false],
  ])('%s', async (_, said, reused) => {
    expect((await last([{ said }, { after: 5 }])).from).toBe(reused ? 'stored' : 'origin')
  })
})

describe('what is stale', () => {
  it.each<[string, string, string, Partial<Step>, Outcome['from']]>([
    ['is asked for again', 'max-age=1', '', {}, 'origin'],
    ['is validated', 'max-age=1', '', { unchanged: 'same' }, 'confirmed'],
    ['is validated each time with no-cache', 'no-cache', '', { unchanged: 'same', after: 0 }, 'confirmed'],
    ['is used while revalidated', 'max-age=1, stale-while-revalidate=60', '', {}, 'stored'],
    ['is used where the origin fails', 'max-age=1, stale-if-error=60', '', { status: 503 }, 'instead'],
    ['is not used for what is no failure', 'max-age=1, stale-if-error=60', '', { status: 404 }, 'origin'],
    ['is not used where nobody says so', 'max-age=1', '', { status: 503 }, 'origin'],
    ...['must-revalidate', 'proxy-revalidate', 's-maxage=1', 'no-cache'].flatMap(
      (strict): [string, string, string, Partial<Step>, Outcome['from']][] => [
        ['is not used on failure with', 'max-age=1, stale-if-error=60', strict, { status: 503 }, 'origin'],
        ['is not used meanwhile with', 'max-age=1, stale-while-revalidate=60', strict, {}, 'origin'],
      ],
    ),
  ])('%s: %s %s', async (_, said, strict, then, from) => {
    const first = cc(strict === '' ? said : `${said}, ${strict}`, { etag: ETAG })
    expect((await last([first, { after: 5, ...then }])).from).toBe(from)
  })

  it('goes by what the 304 says, and keeps what it does not say (nodejs/undici#5505, #4596)', async () => {
    const first = { said: { 'cache-control': 'max-age=1', etag: ETAG, 'x-kept': 'old', 'x-told': 'old' } }
    const second = { after: 5, unchanged: 'same', said: { 'cache-control': 'max-age=60', 'x-told': 'new' } } as const
    const [, confirmed, stored] = await outcomes([first, second, { after: 30 }])
    for (const { headers, body } of [confirmed, stored] as Outcome[]) {
      expect(headers).toMatchObject({ 'x-kept': 'old', 'x-told': 'new', 'cache-control': 'max-age=60', etag: ETAG })
      expect(body).toBe('body 0')
    }
    expect([confirmed?.from, stored?.from, stored?.headers['age']]).toEqual(['confirmed', 'stored', '30'])
  })

  it('revalidated in the background, is fresh by a 304 (nodejs/undici#4596)', async () => {
    const first = cc('max-age=1, stale-while-revalidate=60', { etag: ETAG })
    const second = { after: 5, unchanged: 'same', ...cc('max-age=60') } as const
    const all = await outcomes([first, second, { after: 30 }])
    expect(all.map(({ from, asked }) => [from, asked.length])).toEqual([
      ['origin', 1],
      ['stored', 1],
      ['stored', 0],
    ])
  })

  it('is another answer once a 304 says that it varies (nodejs/undici#5732)', async () => {
    const said = { 'cache-control': 'max-age=60', vary: 'x-a' }
    const steps = [
      cc('max-age=1', { etag: ETAG }),
      { after: 5, unchanged: 'same', said, headers: { 'x-a': '1' } } as const,
    ]
    expect((await last([...steps, { said, headers: { 'x-a': '2' } }])).from).toBe('origin')
  })
})

describe('who may have what is stored', () => {
  it.each<[string, Fields, Fields, boolean]>([
    ['the same value', { 'x-a': '1' }, { 'x-a': '1' }, true],
    ['another one', { 'x-a': '1' }, { 'x-a': '2' }, false],
    ['none where there was one', { 'x-a': '1' }, {}, false],
    ['one where there was none', {}, { 'x-a': '1' }, false],
    ['an empty one where there was none', {}, { 'x-a': '' }, false],
    ['blanks around commas', { 'x-a': '1, 2' }, { 'x-a': '1,2' }, true],
    ['another order', { 'x-a': '1, 2' }, { 'x-a': '2, 1' }, false],
    ['other fields', { 'x-a': '1', 'x-b': '1' }, { 'x-a': '1', 'x-b': '2' }, true],
    [
      'what sums up to the same in a weak hash (haproxy/haproxy#988)',
      { 'x-a': 'br,gzip,xxx,jdcqiab' },
      { 'x-a': 'gzip' },
      false,
    ],
  ])('who sends %s', async (_, first, second, reused) => {
    const said = { 'cache-control': 'max-age=60', vary: 'X-A' }
    // The first says what they vary by, the second is stored.
    const steps = [
      { said, headers: first },
      { said, headers: first },
      { said, headers: second },
    ]
    expect((await last(steps)).from).toBe(reused ? 'stored' : 'origin')
  })

  it.each<[string, boolean]>([
    ['max-age=60', false],
    ['max-age=60, public', true],
    ['max-age=60, must-revalidate', true],
    ['s-maxage=60', true],
    ['max-age=60, proxy-revalidate', false],
  ])('of an answer to somebody signed in: %s', async (said, reused) => {
    const step = { ...cc(said), headers: { authorization: 'Bearer a' } }
    expect((await last([step, cc(said)])).from).toBe(reused ? 'stored' : 'origin')
  })

  it('with a cookie, too, what is stored for those without (other-cookie)', async () => {
    expect((await last([{}, { headers: { cookie: 'a=b' } }])).from).toBe('stored')
  })
})

describe('conditional requests', () => {
  it.each<[string, Fields, number]>([
    ['the tag', { 'if-none-match': ETAG }, 304],
    ['the tag, weakly', { 'if-none-match': `W/${ETAG}` }, 304],
    ['the tag among others', { 'if-none-match': `"0", ${ETAG}` }, 304],
    ['any', { 'if-none-match': '*' }, 304],
    ['another tag', { 'if-none-match': '"2"' }, 200],
    ['another tag, whatever the date', { 'if-none-match': '"2"', 'if-modified-since': DATE }, 200],
    ['the date', { 'if-modified-since': DATE }, 304],
    ['a later date', { 'if-modified-since': 'Thu, 01 Jan 2026 00:00:00 GMT' }, 304],
    ['an earlier date', { 'if-modified-since': 'Tue, 30 Dec 2025 00:00:00 GMT' }, 200],
    ['no date', { 'if-modified-since': 'yesterday' }, 200],
  ])('with %s', async (_, headers, status) => {
    const said = { 'cache-control': 'max-age=60', etag: ETAG, 'last-modified': DATE }
    expect(await last([{ said }, { headers }])).toMatchObject({ status, from: 'stored', asked: [] })
  })
})

describe('a write', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH'])(
    '%s: what it was about is asked for again, every variant of it',
    async (method) => {
      const said = { 'cache-control': 'max-age=60', vary: 'x-a' }
      const variants = ['1', '1', '2'].map((value) => ({ said, headers: { 'x-a': value } }))
      const all = await outcomes([...variants, { method }, ...variants.slice(1)])
      expect(all.map(({ from }) => from)).toEqual(['origin', 'origin', 'origin', 'method', 'origin', 'origin'])
    },
  )
})

describe('a stored answer', () => {
  it('tells its age, and its own date', async () => {
    const { headers } = await last([{ ...cc('max-age=60', { age: '30' }), dated: { date: 0 } }, { after: 5 }])
    expect(headers).toMatchObject({ age: '35', date: 'Thu, 01 Jan 2026 00:00:00 GMT' })
  })

  it.each([206, 304, 400, 401, 405, 429, 500, 502, 503, 599])('never has the status %i', async (status) => {
    expect((await last([{ status, ...cc('max-age=60') }, {}])).from).toBe('origin')
  })
})
