import { freshOnly } from '@spillway/cache-client'
import { createExchange, exchangeOf, UpstreamError } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Delivery } from './delivery.ts'
import { OriginFill } from './fill.ts'

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
    dispatch,
    options: {
      origin: 'http://db',
      path: '/a',
      method: 'GET',
      exchange: createExchange({ hashKey: 'alpha' }),
    } as const,
    delivery: new Delivery({}),
  }
  const fill = new OriginFill(call, { url: 'http://db/a', key: 'key', variedBy: undefined })
  const start = () => fill.run(new AbortController().signal)
  const head = (headers: Record<string, string>) => handler?.onResponseStart?.(controller, 200, headers, '')
  const data = (text: string) => handler?.onResponseData?.(controller, Buffer.from(text))
  const end = () => handler?.onResponseEnd?.(controller, {})
  return { fill, start, head, data, end, aborted, exchange: () => exchangeOf(options as Dispatcher.DispatchOptions) }
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

it('fails after 15 s where a body that is to be stored is not whole by then', async () => {
  const { start, head, data, aborted } = origin()
  const filling = start()
  head(fresh)
  data('hel')
  await vi.advanceTimersByTimeAsync(15_000)
  expect(await filling).toMatchObject({ outcome: 'failed', status: 504 })
  expect(aborted).toHaveLength(1)
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
  expect(await filling).toMatchObject({ outcome: 'cacheable', entry })
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
