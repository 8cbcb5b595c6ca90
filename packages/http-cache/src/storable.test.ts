import { freshOnly } from '@spillway/cache-client'
import { describe, expect, it } from 'vitest'
import { settingsOf } from './settings.ts'
import { clientHeaders, judge, storedHeaders, tagsOf } from './storable.ts'

const times = { requestAt: 0, responseAt: 0, responseDate: 0 }
const defaults = settingsOf({})
const plain = { 'content-length': '5', 'cache-control': 'max-age=30' }
const judged = (status: number, headers: Record<string, string | string[]>, request = {}) =>
  judge({ status, headers: { ...plain, ...headers } }, request, times, defaults)

describe('what may be stored (RFC 9111, 3)', () => {
  it('final statuses whose meaning we know, given explicit freshness; 206 and 304 are nothing whole (3.3)', () => {
    for (const status of [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 451])
      expect(judged(status, {})).toEqual({ kind: 'store', windows: freshOnly(30_000), ageMs: 0, vary: [] })
    for (const status of [201, 202, 205, 206, 304, 400, 401, 403, 405, 406, 414, 407, 412, 418, 421, 429])
      expect(judged(status, {})).toEqual({ kind: 'refuse' })
  })

  it('despite no-store with must-understand, where we understand the status (5.2.2.3)', () => {
    const headers = { 'cache-control': 'max-age=30, must-understand, no-store' }
    expect(judged(200, headers).kind).toBe('store')
    expect(judged(418, headers).kind).toBe('refuse')
    expect(judged(500, headers)).toEqual({ kind: 'failure', whole: false })
    expect(judged(200, { 'cache-control': 'max-age=30, no-store' }).kind).toBe('refuse')
  })

  it('what is not fresh, for its validator (4.3.1)', () => {
    const stale = { fresh: 0, whileRevalidate: 0, ifError: 0 }
    for (const validator of [{ etag: '"1"' }, { 'last-modified': 'Sat, 21 Nov 2026 08:00:00 GMT' }])
      for (const directives of ['no-cache', 'no-cache, max-age=30', 'max-age=0'])
        expect(judged(200, { ...validator, 'cache-control': directives })).toMatchObject({ windows: stale })
    expect(judged(200, { etag: '"1"', age: '31' })).toMatchObject({ kind: 'store', ageMs: 31_000 })
  })

  it('by heuristics only where they are wanted (4.2.2)', () => {
    const headers = { 'cache-control': 'public', 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }
    const dated = { ...plain, ...headers, date: 'Thu, 01 Jan 1970 00:01:40 GMT' }
    const guessed = (heuristic: number) =>
      judge({ status: 200, headers: dated }, {}, { ...times, responseDate: 100_000 }, settingsOf({ heuristic }))
    expect(guessed(0).kind).toBe('refuse')
    expect(guessed(0.1)).toMatchObject({ kind: 'store', windows: { fresh: 10_000 } })
  })

  it('by what the route says only where the upstream says nothing: its private and no-store win', () => {
    const routed = (said: Record<string, string>) =>
      judge({ status: 200, headers: { 'content-length': '5', ...said } }, {}, times, settingsOf({ ttl: 5000 }))
    expect(routed({})).toMatchObject({ kind: 'store', windows: { fresh: 5000 } })
    for (const directive of ['private', 'no-store', 'no-cache', 'max-age=0'])
      expect(routed({ 'cache-control': directive })).toEqual({ kind: 'refuse' })
    for (const field of [{ 'set-cookie': 'a=b' }, { vary: '*' }]) expect(routed(field)).toEqual({ kind: 'refuse' })
  })

  it.each<[string, Record<string, string>, Record<string, string>, string[]]>([
    ['a cookie that may sign its reader in at the origin', { cookie: 'a' }, {}, ['cookie']],
    ['but for what is for all', { cookie: 'a' }, { 'cache-control': 'public, max-age=30' }, []],
    ['the site of a script', {}, { 'access-control-allow-origin': 'http://a' }, ['origin']],
    ['but for what any may read', {}, { 'access-control-allow-origin': '*' }, []],
    ['what its reader can decode', {}, { 'content-encoding': 'gzip', vary: 'Accept' }, ['accept', 'accept-encoding']],
  ])('depends on %s, whatever Vary says', (_, request, said, vary) => {
    expect(judged(200, said, request)).toMatchObject({ kind: 'store', vary })
  })

  it.each<[string, Record<string, string | string[]>]>([
    ['no freshness', { 'cache-control': 'public' }],
    ['max-age=0', { 'cache-control': 'max-age=0' }],
    ['no-cache without a validator', { 'cache-control': 'no-cache, max-age=30' }],
    ['no freshness, whatever its validator', { 'cache-control': 'public', etag: '"1"' }],
    ['a cookie', { 'set-cookie': ['a=b'] }],
    ['Vary: * among others (4.1)', { vary: 'accept, *' }],
    ['age beyond its lifetime (4.2)', { age: '30' }],
    ['too long', { 'content-length': String(1_048_577) }],
    ['a length that is none', { 'content-length': '5, 6' }],
  ])('not: %s', (_, headers) => {
    expect(judged(200, headers)).toEqual({ kind: 'refuse' })
  })

  it('not: a body whose end is the connection’s (RFC 9112, 8); chunks are well', () => {
    const head = (headers: Record<string, string>) =>
      judge({ status: 200, headers: { 'cache-control': 'max-age=30', ...headers } }, {}, times, defaults).kind
    expect(head({})).toBe('refuse')
    expect(head({ 'transfer-encoding': 'chunked' })).toBe('store')
  })

  it('answers to authorized requests only with public, s-maxage or must-revalidate (3.5)', () => {
    const request = { Authorization: 'Bearer x' }
    expect(judged(200, {}, request).kind).toBe('refuse')
    for (const directive of ['public', 's-maxage=30', 'must-revalidate'])
      expect(judged(200, { 'cache-control': `max-age=30, ${directive}` }, request).kind).toBe('store')
    expect(judged(200, { 'cache-control': 'public, private, max-age=30' }, request).kind).toBe('refuse')
  })

  it('names the fields that answers vary by once, in lower case, sorted', () => {
    expect(judged(200, { vary: ['Origin, accept', 'ACCEPT'] })).toMatchObject({ vary: ['accept', 'origin'] })
  })

  it('what says that there is nothing, for as long as it is told to be fresh where it does not say (RFC 9110, 15.1)', () => {
    const negative = settingsOf({ negativeTtl: 5000 })
    const verdict = (status: number, headers: Record<string, string>, settings = negative) =>
      judge({ status, headers: { 'content-length': '5', ...headers } }, {}, times, settings)
    for (const status of [404, 405, 410, 414, 501]) {
      expect(verdict(status, {})).toEqual({ kind: 'store', windows: freshOnly(5000), ageMs: 0, vary: [] })
      expect(verdict(status, {}, defaults).kind).not.toBe('store')
      expect(verdict(status, { 'cache-control': 'max-age=1' })).toMatchObject({ windows: { fresh: 1000 } })
      for (const directive of ['no-store', 'private', 'no-cache', 'max-age=0'])
        expect(verdict(status, { 'cache-control': directive }).kind).not.toBe('store')
    }
    for (const status of [200, 301, 401, 429]) expect(verdict(status, {})).toEqual({ kind: 'refuse' })
    for (const status of [500, 502, 503, 504]) expect(verdict(status, {}).kind).toBe('failure')
  })

  it('an answer with a cookie where that is wanted, the cookie itself never', () => {
    const head = { status: 200, headers: { ...plain, 'set-cookie': ['a=b'], date: 'x' }, message: '' }
    expect(judge(head, {}, times, settingsOf({ storeSetCookie: true })).kind).toBe('store')
    expect(storedHeaders(head, 0)).toEqual([
      ['cache-control', 'max-age=30'],
      ['date', 'x'],
    ])
  })

  it('bodies up to what they may be long', () => {
    const settings = settingsOf({ maxBodyBytes: 4 })
    const verdict = (length: string) =>
      judge({ status: 200, headers: { ...plain, 'content-length': length } }, {}, times, settings)
    expect([verdict('4').kind, verdict('5').kind]).toEqual(['store', 'refuse'])
  })

  it('never a 5xx: those who wait see it whole unless it is for one only', () => {
    expect(judged(503, {})).toEqual({ kind: 'failure', whole: true })
    for (const headers of [{ 'cache-control': 'private' }, { 'set-cookie': 'a=b' }, { vary: 'accept' }])
      expect(judged(500, headers)).toEqual({ kind: 'failure', whole: false })
  })
})

describe('what is stored of it (RFC 9111, 3.1)', () => {
  const stored = (headers: Record<string, string | string[]>, status = 200) =>
    storedHeaders({ status, headers, message: '' }, 0)

  it('keeps the lines of a repeated field, and gives a date where there was none', () => {
    expect(stored({ link: ['a', 'b'], 'transfer-encoding': 'chunked' })).toEqual([
      ['link', 'a'],
      ['link', 'b'],
      ['date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
    ])
  })

  it('drops what is between two hops, for one client or about one exchange', () => {
    const dropped = [
      ...['keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'proxy-authenticate', 'proxy-authorization'],
      ...['set-cookie', 'server-timing', 'proxy-status', 'cache-status', 'x-request-id', 'x-served-by', 'age'],
      ...['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'ratelimit', 'ratelimit-policy'],
    ]
    expect(stored(Object.fromEntries([...dropped, 'date'].map((name) => [name, 'x'])))).toEqual([['date', 'x']])
  })

  it('drops fields named by Connection', () => {
    expect(stored({ connection: 'X-Hop, close', 'x-hop': '1', date: 'x' })).toEqual([['date', 'x']])
  })

  it('keeps Proxy-Status with a failure only', () => {
    const headers = { date: 'x', 'proxy-status': 'db; error=dns_error' }
    expect(stored(headers, 502)).toContainEqual(['proxy-status', 'db; error=dns_error'])
    expect(stored(headers)).not.toContainEqual(['proxy-status', 'db; error=dns_error'])
  })

  it('tags it with its URL and each member of Cache-Tag, once', () => {
    expect(tagsOf('http://db/a', { 'cache-tag': ['item:a, items', 'items'] })).toEqual([
      'http://db/a',
      'item:a',
      'items',
    ])
  })

  it('or each of Surrogate-Key, where there is no Cache-Tag', () => {
    const keys = { 'surrogate-key': ' item:a  items' }
    expect(tagsOf('http://db/a', keys)).toEqual(['http://db/a', 'item:a', 'items'])
    expect(tagsOf('http://db/a', { ...keys, 'cache-tag': 'b' })).toEqual(['http://db/a', 'b'])
  })

  it('shows clients nothing of what is for caches', () => {
    const headers = { 'cache-tag': 'a', 'surrogate-key': 'a', 'cdn-cache-control': 'b', etag: 'c' }
    expect(clientHeaders(headers)).toEqual({ etag: 'c' })
  })
})
