import { createExchange, UpstreamError } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Fills } from './fills.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => vi.useRealTimers())

const controller = () => ({ aborted: false, paused: false, reason: null, pause() {}, resume() {}, abort: vi.fn() })

/** An origin that answers when a test says so, and clients that write down what becomes of them. */
function line(most: number) {
  const sent: { path: string; handler: Dispatcher.DispatchHandler; controller: ReturnType<typeof controller> }[] = []
  const dispatch = new Fills(most).around(({ path }, handler) => {
    const its = controller()
    sent.push({ path, handler, controller: its })
    handler.onRequestStart?.(its, null)
    return true
  })
  const failed: Record<string, Error> = {}
  const exchanges: Record<string, ReturnType<typeof createExchange>> = {}
  const given: Record<string, Dispatcher.DispatchController> = {}
  const ask = (path: string, known: Parameters<typeof createExchange>[0] = {}) => {
    const exchange = createExchange(known)
    exchanges[path] = exchange
    dispatch({ path, method: 'GET', exchange } as Dispatcher.DispatchOptions, {
      onRequestStart: (its) => {
        given[path] = its
      },
      onResponseStart: () => {},
      onResponseError: (_, error) => {
        failed[path] = error
      },
    })
  }
  const answer = async (path: string, status = 200) => {
    const its = sent.find((each) => each.path === path)
    its?.handler.onResponseStart?.(its.controller, status, {}, '')
    await Promise.resolve()
  }
  return { ask, answer, failed, given, sent, exchanges, paths: () => sent.map(({ path }) => path) }
}

describe('the bound on fills', () => {
  it('sends so many at once, the others in turn as answers begin', async () => {
    const { ask, answer, paths, exchanges } = line(2)
    for (const path of ['a', 'b', 'c', 'd']) ask(path)
    expect(paths()).toEqual(['a', 'b'])
    vi.advanceTimersByTime(30)
    await answer('b', 103)
    expect(paths()).toEqual(['a', 'b'])
    await answer('b')
    expect(paths()).toEqual(['a', 'b', 'c'])
    await answer('a')
    expect(paths()).toEqual(['a', 'b', 'c', 'd'])
    expect(exchanges['c']?.timings).toEqual([{ name: 'fills', ms: 30 }])
    expect(exchanges['a']?.timings).toEqual([])
  })

  it('gives a place back once, however its request ends', async () => {
    const { ask, answer, sent, paths } = line(1)
    for (const path of ['a', 'b', 'c']) ask(path)
    await answer('a')
    sent[0]?.handler.onResponseError?.(controller(), new Error('broken off'))
    await Promise.resolve()
    expect(paths()).toEqual(['a', 'b'])
    sent[1]?.handler.onResponseError?.(controller(), new Error('refused'))
    await Promise.resolve()
    expect(paths()).toEqual(['a', 'b', 'c'])
  })

  it('lets those in line leave, and tells those on their way', async () => {
    const { ask, answer, failed, given, sent, paths } = line(1)
    for (const path of ['a', 'b', 'c']) ask(path)
    given['b']?.abort(new Error('client gone'))
    expect(failed['b']?.message).toBe('client gone')
    await answer('a')
    expect(paths()).toEqual(['a', 'c'])
    given['c']?.abort(new Error('gone too'))
    expect(sent[1]?.controller.abort).toHaveBeenCalledWith(new Error('gone too'))
  })

  it('refuses whoever has waited for 5 s, and whoever finds 1,024 in line', () => {
    const { ask, failed, paths } = line(1)
    for (let at = 0; at < 1025; at++) ask(`${at}`)
    ask('one more')
    const refused = { type: 'connection_limit_reached', statusCode: 503, headers: { 'retry-after': '2' }, sent: false }
    expect(failed['one more']).toBeInstanceOf(UpstreamError)
    expect(failed['one more']).toMatchObject(refused)
    expect(Object.keys(failed)).toHaveLength(1)
    vi.advanceTimersByTime(5000)
    expect(failed['1']).toMatchObject(refused)
    expect(Object.keys(failed)).toHaveLength(1025)
    expect(paths()).toEqual(['0'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets go whose own deadline comes first', async () => {
    const { ask, answer, failed, paths } = line(1)
    ask('a')
    ask('b', { deadlineAt: performance.now() + 1000 })
    ask('c')
    vi.advanceTimersByTime(1000)
    expect(failed['b']).toMatchObject({ type: 'http_response_timeout', statusCode: 504, sent: false })
    await answer('a')
    expect(paths()).toEqual(['a', 'c'])
  })

  it('tells whoever waited what the dispatcher throws, and goes on with the next', async () => {
    const seen: string[] = []
    const bound = new Fills(1)
    const dispatch = bound.around(({ path }, handler) => {
      if (path === 'bad') throw new Error('not a request')
      seen.push(path)
      if (path === 'first') void Promise.resolve().then(() => handler.onResponseStart?.(controller(), 200, {}, ''))
      return true
    })
    const failures: Error[] = []
    const ask = (path: string) =>
      dispatch({ path, method: 'GET' }, { onResponseError: (_, error) => void failures.push(error) })
    expect(() => ask('bad')).toThrow('not a request')
    for (const path of ['first', 'bad', 'last']) ask(path)
    await vi.waitFor(() => expect(seen).toEqual(['first', 'last']))
    expect(failures.map(({ message }) => message)).toEqual(['not a request'])
  })
})
