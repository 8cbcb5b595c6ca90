import { freshOnly, seal } from '@spillway/cache-client'
import { TtlCache } from '@spillway/ttl-cache'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Stored } from './leases.ts'
import { list, placeAt } from './listing.ts'

function filled(names: Readonly<Record<string, readonly string[]>>) {
  const store = new TtlCache<Stored>({ maxBytes: 1e8, clock: () => 1 })
  for (const [key, tags] of Object.entries(names)) add(store, key, tags)
  return store
}

function add(store: TtlCache<Stored>, key: string, tags: readonly string[] = [], body = 'secret') {
  const sealed = seal({
    key,
    status: 200,
    headers: [],
    body: Buffer.from(body),
    windows: freshOnly(60_000),
    fillMs: 0,
    tags,
    vary: [],
  })
  store.set(`hash of ${key}`, { sealed, ageMs: 2000, at: 1 }, { ttlMs: 1e6, bytes: 1, tags })
}

async function all(store: TtlCache<Stored>, prefixes: readonly string[], limit: number) {
  const keys: string[] = []
  const pages: number[] = []
  for (let after = ''; ; ) {
    const { entries, cursor } = await list(store, { prefixes, after, limit }, 1001)
    keys.push(...entries.map(({ key }) => key))
    pages.push(entries.length)
    if (cursor === undefined) return { keys, pages }
    expect(cursor.length).toBeLessThan(1000)
    after = placeAt(cursor)
  }
}

describe('a listing', () => {
  it('tells names, ages and sizes, and no bodies', async () => {
    const page = await list(filled({ k: ['http://db/k', 'items'] }), { prefixes: [], after: '', limit: 10 }, 1001)
    expect(page).toEqual({
      entries: [{ key: 'k', tags: ['http://db/k', 'items'], ageMs: 3000, freshMs: 57_000, bytes: 6 }],
    })
  })

  it('is of those whose key or a tag begins with one of the prefixes', async () => {
    const store = filled({ a: ['http://db/data/a'], b: ['http://db/other'], 'data/c': [], d: ['http://ms/data/d'] })
    expect(await all(store, ['http://db/data/', 'data/'], 10)).toEqual({ keys: ['a', 'data/c'], pages: [2] })
  })

  it('brings each once over its pages, by key, however many there are', async () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 60 })
    const property = fc.asyncProperty(names, fc.integer({ min: 1, max: 9 }), async (keys, limit) => {
      const store = filled(Object.fromEntries(keys.map((key) => [key, []])))
      const listed = await all(store, [], limit)
      expect(listed.keys).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)))
      expect(listed.pages).toHaveLength(Math.max(1, Math.ceil(keys.length / limit)))
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('goes on after keys of any length, and such as share their first thousands of characters', async () => {
    const long = Array.from({ length: 20 }, (_, n) => `${'\ud83d\ude00'.repeat(n % 2 ? 9000 : 200)}${n}`)
    const keys = [...long, 'a', `b${'c'.repeat(255)}`, `b${'c'.repeat(256)}`]
    const store = filled(Object.fromEntries(keys.map((key) => [key, []])))
    for (const limit of [1, 2, 7]) expect((await all(store, [], limit)).keys.toSorted()).toEqual(keys.toSorted())
  })

  it('lets others run between its slices, while entries come and go', async () => {
    const store = filled(Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`k${n}`, ['t']])))
    const listing = list(store, { prefixes: [], after: '', limit: 1000 }, 1)
    let turns = 0
    const turn = () => {
      turns++
      add(store, `later ${turns}`)
      store.delete(`hash of k${turns}`)
    }
    let isDone = false
    void listing.then(() => {
      isDone = true
    })
    while (!isDone) await new Promise<void>((resolve) => setImmediate(() => resolve(turn())))
    expect(turns).toBeGreaterThan(2)
    expect((await listing).entries).toHaveLength(1000)
  })
})
