import { type Filled, type Filling, freshOnly } from '@spillway/cache-client'
import { createExchange, exchangeOf, UpstreamError } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Delivery } from './delivery.ts'
import { OriginFill } from './fill.ts'
import { settingsOf } from './settings.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => vi.useRealTimers())

/** A dispatcher whose answers are the test's to make. */
function origin() {
  let handler: Dispatcher.DispatchHandler | undefined
  let options: Dispatcher.DispatchOptions | undefined
  const aborted: Error[] = []
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    pause: () => {},
    resume: () => {},
    abort: (reason) => void aborted.push(reason),
  }
  const dispatch: Dispatcher.Dispatch = (given, its) => {
    options = given
    handler = its
    its.onRequestStart?.(controller, null)
    return true
  }
  const call = {
    cache: undefined as never,
    settings: settingsOf({}),
    dispatch,
    options: {
      origin: 'http://db',
      path: '/a',
      method: 'GET',
      exchange: createExchange({ hashKey: 'alpha' }),
    } as const,
    delivery: new Delivery({}),
  }
  const fill = new OriginFill(call, { url: 'http://db/a', key: 'key', primary: 'key', variedBy: undefined })
  const start = () => fill.run(new AbortController().signal)
  const head = (headers: Record<string, string>) => handler?.onResponseStart?.(controller, 200, headers, '')
  const data = (text: string) => handler?.onResponseData?.(controller, Buffer.from(text))
  const end = () => handler?.onResponseEnd?.(controller, {})
  return { fill, start, head, data, end, aborted, exchange: () => exchangeOf(options as Dispatcher.DispatchOptions) }
}

/** What a begun filling comes to. */
function wholeOf(filling: Filling): Promise<Filled> {
  if (filling.outcome !== 'begun') throw new Error('nothing has begun')
  return filling.whole
}

function reading() {
  let text = ''
  const delivery = new Delivery({
    onResponseData: (_, chunk) => {
      text += chunk
    },
  })
  return { delivery, text: () => text }
}

const fresh = { 'cache-control': 'max-age=30', 'transfer-encoding': 'chunked' }

it('has an exchange of its own: 15 s, the reader’s hash key, nothing tried', () => {
  const { start, exchange, fill } = origin()
  void start()
  expect(exchange()).toEqual(createExchange({ deadlineAt: fill.startedAt + 15_000, hashKey: 'alpha' }))
})

it('fails after 15 s without a head, and cancels the request', async () => {
  const { fill, start, aborted } = origin()
  const filling = start()
  await vi.advanceTimersByTimeAsync(15_000)
  expect(await filling).toEqual({ outcome: 'failed', status: 504, error: 'http_response_timeout' })
  expect(fill.error).toBeInstanceOf(UpstreamError)
  expect(aborted).toEqual([fill.error])
})

it('has begun an answer that may be stored at its head, and brings the entry when it is whole', async () => {
  const { start, head, data, end } = origin()
  const filling = start()
  head({ ...fresh, 'cache-tag': 'item' })
  const begun = await filling
  expect(begun).toMatchObject({ outcome: 'begun', tags: ['http://db/a', 'item'] })
  data('hel')
  data('lo')
  end()
  expect(await wholeOf(begun)).toMatchObject({ outcome: 'cacheable', entry: { body: Buffer.from('hello') } })
})

it('gives up what is not whole after 15 s: it goes on for those who read it, and is cancelled where nobody does', async () => {
  for (const reads of [true, false]) {
    const { fill, start, head, data, end, aborted } = origin()
    const filling = start()
    head(fresh)
    data('hel')
    const read = reading()
    if (reads) fill.answer?.join({ delivery: read.delivery, trailers: true, left: () => {} })
    fill.release()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(await wholeOf(await filling)).toEqual({ outcome: 'failed', status: 504, error: 'http_response_timeout' })
    expect(aborted).toHaveLength(reads ? 0 : 1)
    data('lo')
    end()
    expect(read.text()).toBe(reads ? 'hello' : '')
  }
})

it('leaves what only its leader may have without limit', async () => {
  const { start, head, aborted } = origin()
  const filling = start()
  head({ 'cache-control': 'private' })
  expect(await filling).toEqual({ outcome: 'uncacheable' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(aborted).toEqual([])
})

it('counts the time on the way as age, from the head on', async () => {
  const { start, head, data, end } = origin()
  const filling = start()
  await vi.advanceTimersByTimeAsync(2000)
  head(fresh)
  const at = performance.now()
  await vi.advanceTimersByTimeAsync(1000)
  data('hello')
  end()
  const entry = { ageMs: 2000, at, windows: freshOnly(30_000), fillMs: 3000 }
  expect(await wholeOf(await filling)).toMatchObject({ outcome: 'cacheable', entry })
})

it('cancels what would be for its leader only once he is gone', async () => {
  const { fill, start, head, aborted } = origin()
  const filling = start()
  fill.release()
  expect(aborted).toEqual([])
  head({ 'cache-control': 'private' })
  expect(await filling).toEqual({ outcome: 'uncacheable' })
  expect(aborted).toHaveLength(1)
})
