import { type Entry, freshOnly } from '@spillway/cache-client'
import type { Dispatcher } from 'undici'
import { expect, it } from 'vitest'
import { Delivery } from './delivery.ts'
import { settingsOf } from './settings.ts'
import { deliverStored } from './stored.ts'

const entry: Entry = {
  key: 'key',
  status: 200,
  headers: [
    ['link', 'a'],
    ['link', 'b'],
    ['link', 'c'],
    ['constructor', 'd'],
    ['__proto__', 'e'],
    ['etag', '"1"'],
  ],
  body: Buffer.from('hello'),
  ageMs: 0,
  at: 0,
  windows: freshOnly(30_000),
  fillMs: 0,
  tags: [],
  vary: [],
}

function deliver(options: Partial<Dispatcher.DispatchOptions> = {}) {
  const seen = { status: 0, headers: {} as Record<string, unknown>, body: '' }
  const delivery = new Delivery({
    onResponseStart: (_, status, headers) => void Object.assign(seen, { status, headers }),
    onResponseData: (_, chunk) => {
      seen.body += chunk
    },
  })
  const asked = { method: 'GET', path: '/', ...options } as Dispatcher.DispatchOptions
  deliverStored(entry, 7, {
    cache: undefined as never,
    settings: settingsOf({}),
    dispatch: () => true,
    options: asked,
    delivery,
  })
  return seen
}

it('sends every field as it came, whatever it is called, and the age, the length, and that it can be had in parts', () => {
  const { headers } = deliver()
  expect(Object.entries(headers)).toEqual([
    ['link', ['a', 'b', 'c']],
    ['constructor', 'd'],
    ['__proto__', 'e'],
    ['etag', '"1"'],
    ['accept-ranges', 'bytes'],
    ['age', '7'],
    ['content-length', '5'],
  ])
})

it('gives each reader headers of his own', () => {
  deliver().headers['link'] = 'changed'
  expect(deliver().headers['link']).toEqual(['a', 'b', 'c'])
})

it('sends the body to GET, not to HEAD, and not with a 304', () => {
  expect(deliver()).toMatchObject({ status: 200, body: 'hello' })
  expect(deliver({ method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  expect(deliver({ headers: { 'if-none-match': '"1"' } })).toMatchObject({ status: 304, body: '' })
})
