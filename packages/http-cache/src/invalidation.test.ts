import { createExchange } from '@spillway/upstreams'
import { describe, expect, it } from 'vitest'
import { changedBy } from './invalidation.ts'

const options = { origin: 'http://db', path: '/data/a?x=1', method: 'PUT', headers: ['Host', 'api.example'] } as const
const changed = (headers: Record<string, string>, status = 201) =>
  changedBy({ ...options, headers: [...options.headers] }, { status, headers, message: '' })

describe('what an unsafe request may have changed (RFC 9111, 4.4)', () => {
  it('is its URL, whatever came back', () => {
    expect(changedBy({ ...options, headers: null }, undefined)).toEqual(['http://db/data/a?x=1'])
    for (const status of [200, 404, 500]) expect(changed({}, status)).toEqual(['http://db/data/a?x=1'])
  })

  it('and what its exchange says that it changes', () => {
    const exchange = createExchange({ changes: ['http://read/a', 'http://db/data/a?x=1'] })
    const told = { ...options, headers: null, exchange }
    expect(changedBy(told, undefined)).toEqual(['http://db/data/a?x=1', 'http://read/a'])
    const answer = { status: 404, headers: { 'cache-tag': 'items' }, message: '' }
    expect(changedBy(told, answer)).toEqual(['http://db/data/a?x=1', 'http://read/a', 'items'])
  })

  it.each([
    ['/data/b', 'http://db/data/b'],
    ['b?y=2#z', 'http://db/data/b?y=2'],
    ['?y=2', 'http://db/data/a?y=2'],
    ['http://db/data/b', 'http://db/data/b'],
    ['http://api.example/data/b', 'http://db/data/b'],
    ['https://api.example/data/b', 'http://db/data/b'],
  ])('and what Location and Content-Location name: %s', (reference, url) => {
    expect(changed({ location: reference })).toEqual(['http://db/data/a?x=1', url])
    expect(changed({ 'content-location': reference, 'cache-tag': 'items' })).toEqual([
      'http://db/data/a?x=1',
      'items',
      url,
    ])
  })

  it.each(['http://other/data/b', '//other/data/b', 'urn:b', 'http://', 'http://db:81/data/b'])(
    'but nothing of another origin: %s',
    (location) => {
      expect(changed({ location })).toEqual(['http://db/data/a?x=1'])
    },
  )

  it('and nothing that an error names', () => {
    expect(changed({ location: '/data/b', 'content-location': '/data/c' }, 409)).toEqual(['http://db/data/a?x=1'])
  })

  it('names each once', () => {
    expect(changed({ location: '/data/a?x=1', 'content-location': '/data/a?x=1' })).toEqual(['http://db/data/a?x=1'])
  })
})
