import { type Entry, freshOnly } from '@spillway/cache-client'
import fc from 'fast-check'
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

/** The parts that a 206 says it holds, by its own headers. */
function partsIn({ headers, body }: ReturnType<typeof deliver>): [range: string, text: string][] {
  const [, boundary] = /^multipart\/byteranges; boundary=(\S+)$/.exec(String(headers['content-type'])) ?? []
  if (boundary === undefined) return [[String(headers['content-range']), body]]
  const parts = body.split(`\r\n--${boundary}`)
  expect([parts[0], parts.at(-1)]).toEqual(['', '--\r\n'])
  return parts.slice(1, -1).map((part) => {
    const [head = '', text = ''] = part.split('\r\n\r\n')
    return [head.replace('\r\ncontent-range: ', ''), text]
  })
}

it('sends of a range what its bytes are, with their place and length (RFC 9110, 14)', () => {
  const end = fc.option(fc.nat(7), { nil: '' })
  const specs = fc.array(fc.tuple(end, end), { minLength: 1, maxLength: 4 })
  const holds = (asked: (number | string)[][]) => {
    const sent = deliver({ headers: { range: `bytes=${asked.map((ends) => ends.join('-'))}` } })
    // None: 416.
    expect([0, 200, 206]).toContain(sent.status)
    if (sent.status > 0) expect(Number(sent.headers['content-length'])).toBe(sent.body.length)
    for (const [range, text] of sent.status === 206 ? partsIn(sent) : []) {
      const [, first, last] = /^bytes (\d)-(\d)\/5$/.exec(range) ?? []
      expect(text).toBe('hello'.slice(Number(first), Number(last) + 1))
      expect(text).not.toBe('')
    }
  }
  fc.assert(fc.property(specs, holds))
})
