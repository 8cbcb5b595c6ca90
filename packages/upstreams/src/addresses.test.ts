import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Addresses, type Resolve } from './addresses.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  return () => void vi.useRealTimers()
})

/** The addresses of a name whose answers the test gives. */
function asked(resolve: Resolve, random = () => 0.5) {
  const told: string[] = []
  const changes: string[] = []
  const addresses: Addresses = new Addresses({
    name: 'db',
    resolve,
    clock: () => performance.now(),
    random,
    onChange: () => changes.push(addresses.current.join(' ')),
    onTransition: ({ from, to, reason }) => told.push(`${from} -> ${to}: ${reason}`),
  })
  onTestFinished(() => addresses.stop())
  return { addresses, told, changes }
}

const unknown = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('the addresses of a name', () => {
  it('are asked for at once, and every five seconds', async () => {
    const resolve = vi.fn<Resolve>(async () => ['10.0.0.1'])
    const { addresses, told } = asked(resolve)
    expect(addresses.current).toEqual([])
    await pass(0)
    expect(addresses.current).toEqual(['10.0.0.1'])
    await pass(4_999)
    expect(resolve).toHaveBeenCalledTimes(1)
    resolve.mockResolvedValue(['10.0.0.2'])
    await pass(1)
    expect(resolve.mock.calls).toEqual([['db'], ['db']])
    expect(addresses.current).toEqual(['10.0.0.2'])
    expect(told).toEqual(['unknown -> resolved: DNS answers'])
  })

  it.each([
    [0, 4_500],
    [1, 5_500],
  ])('are not asked for by everybody at the same time: jitter %d means %d ms', async (random, ms) => {
    const resolve = vi.fn<Resolve>(async () => ['10.0.0.1'])
    asked(resolve, () => random)
    await pass(ms - 1)
    expect(resolve).toHaveBeenCalledTimes(1)
    await pass(1)
    expect(resolve).toHaveBeenCalledTimes(2)
  })

  it.each<[string, Resolve, string]>([
    ['an error', unknown, 'ENOTFOUND'],
    ['an error without a code', () => Promise.reject(new Error('odd')), 'Error: odd'],
    ['no address', async () => [], 'no address'],
  ])('are asked for twice a second after %s', async (_, failing, reason) => {
    const resolve = vi.fn(failing)
    const { told } = asked(resolve)
    await pass(1_000)
    expect(resolve).toHaveBeenCalledTimes(3)
    resolve.mockResolvedValue(['10.0.0.1'])
    await pass(500)
    await pass(4_000)
    expect(resolve).toHaveBeenCalledTimes(4)
    expect(told).toEqual([`unknown -> unresolved: ${reason}`, 'unresolved -> resolved: DNS answers'])
  })

  it('stand for thirty seconds without a good answer, and then no longer', async () => {
    const resolve = vi.fn<Resolve>(async () => ['10.0.0.1'])
    const { addresses, changes, told } = asked(resolve)
    await pass(0)
    resolve.mockImplementation(unknown)
    await pass(29_999)
    expect(addresses.current).toEqual(['10.0.0.1'])
    await pass(1)
    expect(addresses.current).toEqual([])
    await pass(60_000)
    expect(changes).toEqual(['10.0.0.1', ''])
    resolve.mockResolvedValue(['10.0.0.1'])
    await pass(500)
    expect(addresses.current).toEqual(['10.0.0.1'])
    expect(told).toEqual([
      'unknown -> resolved: DNS answers',
      'resolved -> unresolved: ENOTFOUND',
      'unresolved -> resolved: DNS answers',
    ])
  })

  it('count from the last good answer: one between two failures makes them stand anew', async () => {
    const resolve = vi.fn<Resolve>(async () => ['10.0.0.1'])
    const { addresses } = asked(resolve)
    await pass(0)
    resolve.mockImplementation(unknown)
    await pass(25_000)
    resolve.mockResolvedValueOnce(['10.0.0.1'])
    await pass(29_000)
    expect(addresses.current).toEqual(['10.0.0.1'])
    await pass(2_000)
    expect(addresses.current).toEqual([])
  })

  it('have one lookup under way, however long it hangs, and take its answer in the end', async () => {
    const { promise, resolve: answer } = Promise.withResolvers<string[]>()
    const resolve = vi.fn<Resolve>(async () => ['10.0.0.1'])
    const { addresses, told } = asked(resolve)
    await pass(0)
    resolve.mockReturnValue(promise)
    await pass(10_000)
    expect(told.at(-1)).toBe('resolved -> unresolved: no answer in 5000 ms')
    await pass(17_000)
    expect(addresses.current).toEqual(['10.0.0.1'])
    await pass(60_000)
    expect(addresses.current).toEqual([])
    expect(resolve).toHaveBeenCalledTimes(2)
    answer(['10.0.0.2'])
    await pass(500)
    expect(told.at(-1)).toBe('unresolved -> resolved: DNS answers')
    expect(addresses.current).toEqual(['10.0.0.2'])
  })

  it('leave no timer behind when stopped, and hear nothing any more', async () => {
    const { promise, resolve: answer } = Promise.withResolvers<string[]>()
    const { addresses, changes, told } = asked(() => promise)
    await pass(100)
    addresses.stop()
    expect(vi.getTimerCount()).toBe(0)
    answer(['10.0.0.1'])
    await pass(60_000)
    expect([changes, told, vi.getTimerCount()]).toEqual([[], [], 0])
  })
})
