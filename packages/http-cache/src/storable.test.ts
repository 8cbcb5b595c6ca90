import { freshOnly } from '@spillway/cache-client'
import { describe, expect, it } from 'vitest'
import { clientHeaders, judge, MAX_BODY, storedHeaders, tagsOf } from './storable.ts'

const times = { requestAt: 0, responseAt: 0, responseDate: 0 }
const plain = { 'content-length': '5', 'cache-control': 'max-age=30' }
const judged = (status: number, headers: Record<string, string | string[]>, request = {}) =>
  judge({ status, headers: { ...plain, ...headers }, message: '' }, request, times)

describe('what may be stored (RFC 9111, 3)', () => {
  it('statuses whose meaning we know, given explicit freshness', () => {
    for (const status of [200, 301, 308, 404, 410])
      expect(judged(status, {})).toEqual({ kind: 'store', windows: freshOnly(30_000), ageMs: 0, vary: [] })
    for (const status of [201, 204, 206, 302, 304, 400, 401, 403, 418, 429])
      expect(judged(status, {})).toEqual({ kind: 'refuse' })
  })

  it.each<[string, Record<string, string | string[]>]>([
    ['no freshness', { 'cache-control': 'public' }],
    ['max-age=0', { 'cache-control': 'max-age=0' }],
    ['no-cache, which we do not validate', { 'cache-control': 'no-cache, max-age=30' }],
    ['a cookie', { 'set-cookie': ['a=b'] }],
    ['Vary: * among others (4.1)', { vary: 'accept, *' }],
    ['age beyond its lifetime (4.2)', { age: '30' }],
    ['too long', { 'content-length': String(MAX_BODY + 1) }],
    ['a length that is none', { 'content-length': '5, 6' }],
  ])('not: %s', (_, headers) => {
    expect(judged(200, headers)).toEqual({ kind: 'refuse' })
  })

  it('not: a body whose end is the connection’s (RFC 9112, 8); chunks are well', () => {
    const head = (headers: Record<string, string>) =>
      judge({ status: 200, headers: { 'cache-control': 'max-age=30', ...headers }, message: '' }, {}, times).kind
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

  it('shows clients neither Cache-Tag nor CDN-Cache-Control', () => {
    expect(clientHeaders({ 'cache-tag': 'a', 'cdn-cache-control': 'b', etag: 'c' })).toEqual({ etag: 'c' })
  })
})
