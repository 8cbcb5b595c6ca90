import { describe, expect, it } from 'vitest'
import { notModified, notModifiedHeaders, validatorsOf } from './conditional.ts'

const DATE = 'Sun, 06 Nov 1994 08:49:37 GMT'
const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT'
const check = (request: Record<string, string>, answer: Record<string, string>, status = 200) => {
  const validators = validatorsOf(status, answer)
  return validators !== undefined && notModified(request, validators)
}

describe('If-None-Match (RFC 9110, 13.1.2)', () => {
  it.each<[string, string | undefined, boolean]>([
    ['"a"', '"a"', true],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['"b", W/"a"', 'W/"a"', true],
    ['"b","a"', '"a"', true],
    ['"x, y"', '"x, y"', true],
    ['"b"', '"a"', false],
    ['"A"', '"a"', false],
    ['a', '"a"', false],
    ['"a"', undefined, false],
    ['*', '"a"', true],
    ['*', undefined, true],
    ['', '"a"', false],
  ])('%s of %s: %s', (wanted, etag, expected) => {
    expect(check({ 'if-none-match': wanted }, etag === undefined ? {} : { etag })).toBe(expected)
  })

  it('comes before If-Modified-Since (13.2.2)', () => {
    expect(check({ 'if-none-match': '"b"', 'if-modified-since': DATE }, { etag: '"a"', 'last-modified': DATE })).toBe(
      false,
    )
  })

  it('says nothing of an answer that is not 200 (13.2.1)', () => {
    expect(check({ 'if-none-match': '*' }, { etag: '"a"' }, 404)).toBe(false)
  })
})

describe('If-Modified-Since (RFC 9110, 13.1.3; RFC 9111, 4.3.2)', () => {
  it.each<[string, Record<string, string>, boolean]>([
    [DATE, { 'last-modified': DATE }, true],
    [DATE, { 'last-modified': EARLIER }, true],
    [EARLIER, { 'last-modified': DATE }, false],
    [DATE, { date: EARLIER }, true],
    [EARLIER, { 'last-modified': EARLIER, date: DATE }, true],
    [DATE, {}, false],
    [DATE, { 'last-modified': 'long ago' }, false],
    ['now', { 'last-modified': EARLIER }, false],
    [`${DATE}, ${DATE}`, { 'last-modified': EARLIER }, false],
  ])('%s of %j: %s', (since, answer, expected) => {
    expect(check({ 'If-Modified-Since': since }, answer)).toBe(expected)
  })
})

it('a 304 says what a 200 would, but nothing of its content (RFC 9110, 15.4.5)', () => {
  const said = {
    etag: '"a"',
    vary: 'accept',
    'cache-control': 'private',
    date: DATE,
    'content-location': '/a',
    age: '3',
  }
  const content = {
    'content-length': '5',
    'content-type': 'text/plain',
    'content-encoding': 'gzip',
    'transfer-encoding': 'x',
  }
  expect(notModifiedHeaders({ ...said, ...content })).toEqual(said)
})
