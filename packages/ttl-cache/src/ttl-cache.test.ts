import fc from 'fast-check'
import Fastify from 'fastify'
import { describe, expect, it, vi } from 'vitest'
import { lru, type Policy, s3Fifo, startSweeper, TtlCache, ttlCache } from './index.ts'

function fixture(policy: Policy = lru, maxBytes = 100_000, maxEntryBytes = maxBytes) {
  const time = { now: 5000 }
  const cache = new TtlCache<{ n: number }>({ maxBytes, maxEntryBytes, policy, clock: () => time.now })
  return { time, cache }
}

const policies = describe.each([
  ['the least recently used going first', lru],
  ['S3-FIFO', s3Fifo],
] as const)

policies('expiry, with %s,', (_, policy) => {
  it('forgets an entry past its time at the next lookup, by a fresh reading of the clock', () => {
    const { cache, time } = fixture(policy)
    cache.set('a', { n: 1 }, { ttlMs: 100, bytes: 1 })
    time.now += 100
    expect(cache.get('a')).toEqual({ n: 1 })
    time.now += 1
    expect(cache.get('a')).toBeUndefined()
    expect(cache.counters).toMatchObject({ hits: 1, misses: 1, stale: 1, expired: 1, size: 0, bytes: 0 })
  })

  it('stores nothing that has expired already, and forgets what it would have replaced', () => {
    const { cache } = fixture(policy)
    cache.set('a', { n: 1 }, { ttlMs: 100, bytes: 1 })
    expect(cache.set('a', { n: 2 }, { ttlMs: 0, bytes: 1 })).toBe(false)
    expect(cache.get('a')).toBeUndefined()
  })

  it('sweeps what has expired and nothing else', () => {
    const { cache, time } = fixture(policy)
    for (let n = 0; n < 10; n++) cache.set(`k${n}`, { n }, { ttlMs: n < 5 ? 500 : 5000, bytes: 1, tags: ['t'] })
    time.now += 1000
    expect(cache.sweep()).toBe(false)
    expect(cache.counters).toMatchObject({ size: 5, expired: 5, stale: 0, evictions: 0 })
    expect([...cache.entries()]).toHaveLength(5)
  })

  it('stops a sweep after a millisecond and goes on from there', () => {
    let now = 0
    // Each reading takes 0.6 ms, so that a slice ends at its second.
    const clock = () => {
      now += 0.6
      return now
    }
    const cache = new TtlCache<{ n: number }>({ maxBytes: 1e6, policy, clock })
    for (let n = 0; n < 100; n++) cache.set(`k${n}`, { n }, { ttlMs: 10, bytes: 1 })
    now += 3000
    let slices = 1
    while (cache.sweep()) slices++
    expect(slices).toBeGreaterThan(2)
    expect(cache.counters).toMatchObject({ size: 0, expired: 100 })
  })
})

policies('bounds, with %s,', (_, policy) => {
  it('counts key, tags and bookkeeping against its bytes, and throws one out that was not used', () => {
    const { cache } = fixture(policy, 6000)
    for (let n = 0; n < 3; n++) cache.set(`k${n}`, { n }, { ttlMs: 1000, bytes: 1000 })
    for (let uses = 0; uses < 2; uses++) cache.get('k0')
    cache.set('k3', { n: 3 }, { ttlMs: 1000, bytes: 100 })
    expect(cache.get('k1')).toBeUndefined()
    expect(cache.get('k0')).toEqual({ n: 0 })
    expect(cache.counters.evictions).toBe(1)
    expect(cache.counters.bytes).toBeGreaterThan(2 * 1000 + 100 + 3 * 500)
    expect(cache.counters.bytes).toBeLessThanOrEqual(6000)
  })

  it('hold whatever comes, of whatever size', () => {
    const placed = fc.array(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 4000 }), fc.boolean()), { maxLength: 100 })
    const bounded = fc.property(placed, (acts) => {
      const { cache } = fixture(policy, 10_000)
      for (const [n, bytes, looksFirst] of acts) {
        if (looksFirst) cache.get(`k${n}`)
        expect(cache.set(`k${n}`, { n }, { ttlMs: 1000, bytes })).toBe(true)
        expect(cache.get(`k${n}`)).toEqual({ n })
        expect(cache.counters.bytes).toBeLessThanOrEqual(10_000)
      }
    })
    fc.assert(bounded, { numRuns: 200 })
  })

  it('of 0 are room for nothing', () => {
    const { cache } = fixture(policy, 0)
    expect(cache.set('a', { n: 1 }, { ttlMs: 1000, bytes: 0 })).toBe(false)
    expect(cache.get('a')).toBeUndefined()
  })

  it('refuses a value larger than an entry may be, and forgets what it would have replaced', () => {
    const { cache } = fixture(policy, 100_000, 2000)
    expect(cache.set('a', { n: 1 }, { ttlMs: 1000, bytes: 10 })).toBe(true)
    expect(cache.set('a', { n: 2 }, { ttlMs: 1000, bytes: 1900 })).toBe(false)
    expect(cache.get('a')).toBeUndefined()
  })
})

policies('purging, with %s,', (_, policy) => {
  it('forgets by tag what carries it now, not what carried it before, nor what comes after', () => {
    const { cache } = fixture(policy)
    cache.set('a', { n: 1 }, { ttlMs: 1000, bytes: 1, tags: ['x', 'y'] })
    cache.set('b', { n: 2 }, { ttlMs: 1000, bytes: 1, tags: ['x'] })
    cache.set('a', { n: 3 }, { ttlMs: 1000, bytes: 1, tags: ['y'] })
    cache.purgeTag('x')
    expect(cache.get('a')).toEqual({ n: 3 })
    expect(cache.get('b')).toBeUndefined()
    cache.set('b', { n: 4 }, { ttlMs: 1000, bytes: 1, tags: ['x'] })
    cache.sweep()
    expect(cache.get('b')).toEqual({ n: 4 })
  })

  it('is done at once; the room comes back slice by slice', () => {
    const { cache } = fixture(policy, 1e6)
    for (let n = 0; n < 100; n++) cache.set(`k${n}`, { n }, { ttlMs: 1000, bytes: 1, tags: ['t', `t${n}`] })
    cache.set('other', { n: 0 }, { ttlMs: 1000, bytes: 1, tags: ['o'] })
    cache.purgeTag('t')
    expect([...cache.entries()]).toEqual([['other', { n: 0 }]])
    expect([...cache.entries('t7')]).toEqual([])
    expect(cache.get('k7')).toBeUndefined()
    expect(cache.counters).toMatchObject({ size: 100, stale: 0 })
    expect(cache.sweep()).toBe(false)
    expect(cache.counters).toMatchObject({ size: 1, expired: 0, evictions: 0, sweepMs: 0 })
  })

  it('agrees with an obvious model, whatever is done to it', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const tag = fc.constantFrom('x', 'y', 'z')
    const act = fc.oneof(
      fc.tuple(fc.constant('set' as const), key, fc.integer({ min: 1, max: 3000 }), fc.uniqueArray(tag)),
      fc.tuple(fc.constant('delete' as const), key),
      fc.tuple(fc.constant('purgeTag' as const), tag),
      fc.tuple(fc.constant('revise' as const), fc.option(fc.uniqueArray(tag), { nil: undefined })),
      fc.tuple(fc.constant('wait' as const), fc.integer({ min: 1, max: 2000 })),
      fc.tuple(fc.constantFrom('sweep' as const, 'clear' as const)),
    )
    const revised = ({ n }: { n: number }) => ({ n: 2 * n + 1 })
    const modelled = fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const { cache, time } = fixture(policy)
      const model = new Map<string, { n: number; until: number; tags: string[] }>()
      const agree = (k: string) => {
        const kept = model.get(k)
        expect(cache.get(k)?.n).toBe(kept && time.now <= kept.until ? kept.n : undefined)
      }
      acts.forEach(([what, a, b, c], n) => {
        const doing = {
          set: (key: string, ttlMs: number, tags: string[]) => {
            cache.set(key, { n }, { ttlMs, bytes: 1, tags })
            model.set(key, { n, until: time.now + ttlMs, tags })
          },
          delete: (key: string) => {
            cache.delete(key)
            model.delete(key)
          },
          purgeTag: (tag: string) => {
            cache.purgeTag(tag)
            for (const [key] of [...model].filter(([, { tags }]) => tags.includes(tag))) model.delete(key)
          },
          revise: (names: string[] | undefined) => {
            cache.revise(revised, names)
            for (const [key, kept] of model) {
              if (!names || kept.tags.some((tag) => names.includes(tag))) model.set(key, { ...kept, ...revised(kept) })
            }
          },
          wait: (ms: number) => {
            time.now += ms
          },
          sweep: () => cache.sweep(),
          clear: () => {
            cache.clear()
            model.clear()
          },
        }
        const perform = doing[what] as (a?: unknown, b?: unknown, c?: unknown) => void
        perform(a, b, c)
        // Before they are looked up, which removes what is past its time.
        for (const tag of [undefined, 'x']) {
          const kept = [...model].filter(([, { until, tags }]) => time.now <= until && (!tag || tags.includes(tag)))
          expect(new Map(cache.entries(tag))).toEqual(new Map(kept.map(([key, { n }]) => [key, { n }])))
        }
        for (const k of ['a', 'b', 'c', 'd']) agree(k)
      })
    })
    fc.assert(modelled, { numRuns: 200 })
  })
})

policies('revising, with %s,', (_, policy) => {
  const negative = ({ n }: { n: number }) => ({ n: -n })

  it('changes what is stored by now and carries one of the tags, or all of it, once each', () => {
    const { cache } = fixture(policy)
    cache.set('a', { n: 1 }, { ttlMs: 1000, bytes: 1, tags: ['x', 'y'] })
    cache.set('b', { n: 2 }, { ttlMs: 1000, bytes: 1 })
    cache.revise(negative, ['x', 'y', 'nobody'])
    cache.set('c', { n: 3 }, { ttlMs: 1000, bytes: 1, tags: ['x'] })
    expect(Object.fromEntries(cache.entries())).toEqual({ a: { n: -1 }, b: { n: 2 }, c: { n: 3 } })
    while (cache.sweep());
    cache.revise(negative)
    expect(cache.get('b')).toEqual({ n: -2 })
    while (cache.sweep());
    expect(Object.fromEntries(cache.entries())).toEqual({ a: { n: 1 }, b: { n: -2 }, c: { n: -3 } })
  })

  it.each([undefined, ['t']])(
    'is done at once, of %j too; those that nobody looks for change slice by slice',
    (tags) => {
      let now = 0
      // Each reading takes 0.6 ms, so that a slice ends at its second.
      const clock = () => {
        now += 0.6
        return now
      }
      const cache = new TtlCache<{ n: number }>({ maxBytes: 1e6, policy, clock })
      for (let n = 1; n <= 100; n++) cache.set(`k${n}`, { n }, { ttlMs: 1e6, bytes: 1, tags: ['t'] })
      const change = vi.fn(negative)
      cache.revise(change, tags)
      expect(change).not.toHaveBeenCalled()
      expect(cache.get('k7')).toEqual({ n: -7 })
      const slices: number[] = []
      for (let more = true, before = 1; more; before = change.mock.calls.length) {
        more = cache.sweep()
        slices.push(change.mock.calls.length - before)
      }
      expect(slices.length).toBeGreaterThan(2)
      expect(Math.max(...slices)).toBeLessThanOrEqual(32)
      expect(change).toHaveBeenCalledTimes(100)
    },
  )
})

describe('in the background', () => {
  it('sweeps every second, goes on after 4 ms where more is due, and stops when told', () => {
    vi.useFakeTimers()
    const sweep = vi.fn(() => false).mockReturnValueOnce(true)
    const stop = startSweeper({ sweep })
    vi.advanceTimersByTime(1000)
    expect(sweep).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(4)
    expect(sweep).toHaveBeenCalledTimes(2)
    vi.advanceTimersByTime(1000)
    expect(sweep).toHaveBeenCalledTimes(3)
    stop()
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })

  it('is emptied and no longer swept once the server that it decorates closes', async () => {
    const { cache } = fixture()
    cache.set('a', { n: 1 }, { ttlMs: 1000, bytes: 1 })
    const app = Fastify()
    await app.register(ttlCache, { store: cache })
    expect(app.store.get('a')).toEqual({ n: 1 })
    await app.close()
    expect(cache.counters.size).toBe(0)
  })
})
