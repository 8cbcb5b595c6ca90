import { afterEach, describe, expect, it } from 'vitest'
import type { Entry, Fill, Filled, Reading } from './cache.ts'
import { memoryCache } from './memory.ts'
import { freshOnly } from './windows.ts'

const time = { now: 1000 }
const cache = memoryCache({ clock: () => time.now, maxBytes: 100_000 })
const never = new AbortController().signal
const unwanted: Fill = () => Promise.reject(new Error('this fill should not run'))
let tests = 0
let key = `k${tests}`
afterEach(async () => {
  await cache.purge({ all: true })
  key = `k${++tests}`
})

function entry(body: string, rest: Partial<Entry> = {}): Entry {
  const windows = freshOnly(60_000)
  const fixed = { key, status: 200, headers: [], ageMs: 0, at: time.now, fillMs: 1, tags: ['url', 't'], vary: [] }
  return { ...fixed, windows, body: Buffer.from(body), ...rest }
}

const filled = (body: string, rest?: Partial<Entry>): Filled => ({ outcome: 'cacheable', entry: entry(body, rest) })
const read = (fill = unwanted, signal = never) => cache.read(key, 'url', fill, signal)
const bodyOf = (reading: Reading) => ('entry' in reading ? reading.entry?.body.toString() : reading.outcome)

function heldFill() {
  const { promise, resolve, reject } = Promise.withResolvers<Filled>()
  const seen = { runs: 0 }
  const fill: Fill = (signal) => {
    seen.runs++
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    return promise
  }
  return { fill, end: resolve, seen }
}

/** Until a fill that was begun runs. */
const running = async ({ seen }: { seen: { runs: number } }) => expect.poll(() => seen.runs).toBe(1)

describe('a cache in memory', () => {
  it('fills once for all who ask meanwhile, then hits', async () => {
    const held = heldFill()
    const readers = Array.from({ length: 100 }, () => read(held.fill))
    await running(held)
    readers.push(read(held.fill))
    held.end(filled('one'))
    expect(new Set((await Promise.all(readers)).map(bodyOf))).toEqual(new Set(['one']))
    expect(held.seen.runs).toBe(1)
    expect(await read()).toMatchObject({ outcome: 'hit', tier: 'l1' })
  })

  it.each([{ keys: ['k1'] }, { tags: ['t'] }, { tags: ['url'] }, { all: true as const }])(
    'after a purge of %j joins no fill that began before, and keeps nothing of it',
    async (purge) => {
      const before = heldFill()
      const first = read(before.fill)
      await running(before)
      await cache.purge('keys' in purge ? { keys: [key] } : purge)
      const after = await read(async () => filled('new'))
      expect(bodyOf(after)).toBe('new')
      before.end(filled('old'))
      expect(bodyOf(await first)).toBe('old')
      expect(bodyOf(await read())).toBe('new')
    },
  )

  it('cancels a fill that nobody waits for any more', async () => {
    const held = heldFill()
    const leaving = new AbortController()
    const reader = read(held.fill, leaving.signal)
    await running(held)
    leaving.abort(new Error('left'))
    await expect(reader).rejects.toThrow('left')
    await expect(held.fill(never)).rejects.toThrow('nobody waits')
    expect(await read(async () => filled('anew'))).toMatchObject({ outcome: 'filled', collapsed: false })
  })

  it('lets nobody queue for 10 s for what may not be shared', async () => {
    expect(await read(async () => ({ outcome: 'uncacheable' }))).toEqual({ outcome: 'uncacheable' })
    expect(await read()).toEqual({ outcome: 'pass' })
    time.now += 10_001
    expect(await read(async () => filled('one'))).toMatchObject({ outcome: 'filled' })
  })

  it('serves what is stale while it is revalidated, once', async () => {
    const windows = { fresh: 1000, whileRevalidate: 5000, ifError: 5000, ifAsked: 5000, keep: 5000 }
    await read(async () => filled('old', { windows }))
    time.now += 2000
    const held = heldFill()
    expect(await read(held.fill)).toMatchObject({ outcome: 'stale', tier: 'l1' })
    expect(await read()).toMatchObject({ outcome: 'stale' })
    held.end(filled('new'))
    await expect.poll(async () => bodyOf(await read())).toBe('new')
  })

  it('makes stale what a soft purge names', async () => {
    await read(async () => filled('old', { windows: { ...freshOnly(60_000), keep: 90_000 } }))
    await cache.purge({ tags: ['t'], soft: true })
    expect(cache.peek(key)).toMatchObject({ ageMs: 60_000 })
    expect(bodyOf(await read(async () => filled('new')))).toBe('new')
  })

  it('is of no use once it is closed, and its readers are told', async () => {
    const other = memoryCache()
    const reader = other.read('k', 'url', () => new Promise(() => {}), never)
    await other.close()
    await expect(reader).rejects.toThrow('closed')
    await expect(other.read('k', 'url', unwanted, never)).rejects.toThrow('closed')
  })
})
