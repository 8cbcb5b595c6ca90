/** What readers and writers get of a shared cache, over every store: at one gateway and at several. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CacheClient } from '../src/index.ts'
import { never, until, unwanted } from './scripted-service.ts'
import { bodyOf, clientOf, entryOf, filling, heldFill, kinds, type Store } from './stores.ts'
import { installed } from './valkey-server.ts'

if (!installed) it.skip('the suite over Valkey or Redis, of which none is installed', () => {})

describe.each(kinds)('over $name', ({ start, hasL1 }) => {
  let store: Store
  let clients: CacheClient[] = []
  let a: CacheClient
  let b: CacheClient
  /** Each test has keys and tags of its own. */
  let key = ''
  let url = ''
  let tests = 0

  beforeAll(async () => {
    store = await start()
    // A cache service that is younger than 2 s answers no purge.
    const first = await clientOf(store.url)
    await first.purge({ all: true })
    await first.close()
  })
  afterAll(() => store.close())
  beforeEach(async () => {
    clients = await Promise.all(['a', 'b', 'c'].map(() => clientOf(store.url)))
    ;[a, b] = clients as [CacheClient, CacheClient]
    key = `k${++tests}`
    url = `url:${key}`
  })
  afterEach(() => Promise.all(clients.map((client) => client.close())))

  const read = (client: CacheClient, fill = unwanted, signal = never) => client.read(key, url, fill, signal)
  const wait = (count: number) => expect.poll(async () => (await store.counts(key)).waiting).toBe(count)
  const noLease = () => expect.poll(async () => (await store.counts(key)).leases).toBe(0)

  describe('a miss', () => {
    it('is filled once, then hit here and elsewhere', async () => {
      const first = await read(a, async () => filling(key, 'one'))
      expect(first).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })
      expect(await read(a)).toMatchObject({ outcome: 'hit', tier: hasL1 ? 'l1' : 'l2' })
      const elsewhere = await read(b)
      expect(elsewhere).toMatchObject({ outcome: 'hit', tier: 'l2' })
      expect(bodyOf(elsewhere)).toBe('one')
      expect(b.peek(key)?.body.toString()).toBe(hasL1 ? 'one' : undefined)
      expect(a.counters).toMatchObject({ leases: 1 })
      expect(b.counters).toMatchObject({ l2Hits: 1, leases: 0 })
    })

    it('of 300 readers over three gateways is filled once', async () => {
      const held = heldFill()
      const early = clients.flatMap((client) => Array.from({ length: 50 }, () => read(client, held.fill)))
      await held.started
      const late = clients.flatMap((client) => Array.from({ length: 50 }, () => read(client, held.fill)))
      held.end(filling(key, 'one'))
      const readings = await Promise.all([...early, ...late])
      expect(held.seen.runs).toBe(1)
      expect(new Set(readings.map(bodyOf))).toEqual(new Set(['one']))
      expect(readings.filter((reading) => reading.outcome === 'filled' && !reading.collapsed)).toHaveLength(1)
    })

    it('that is failed elsewhere is failed here; the next reader starts anew', async () => {
      const held = heldFill()
      const first = read(a, held.fill)
      await held.started
      const second = read(b)
      await wait(1)
      held.end({ outcome: 'failed', status: 504, error: 'http_response_timeout', entry: entryOf(key, 'late') })
      expect(await first).toMatchObject({ outcome: 'failed', status: 504, collapsed: false, entry: { status: 200 } })
      expect(await second).toEqual({ outcome: 'failed', status: 504, error: 'http_response_timeout', collapsed: true })
      expect(await read(b, async () => filling(key, 'anew'))).toMatchObject({ outcome: 'filled' })
    })

    it('that may not be shared goes to whoever filled it; others pass, and nobody queues for 10 s', async () => {
      const held = heldFill()
      const first = read(a, held.fill)
      await held.started
      const beside = read(a)
      const elsewhere = read(b)
      await wait(1)
      held.end({ outcome: 'uncacheable' })
      expect(await first).toEqual({ outcome: 'uncacheable' })
      expect(await beside).toEqual({ outcome: 'pass' })
      expect(await elsewhere).toEqual({ outcome: 'pass' })
      expect(await read(b)).toEqual({ outcome: 'pass' })
      await a.purge({ keys: [key] })
      expect(await read(b, async () => filling(key, 'one'))).toMatchObject({ outcome: 'filled' })
    })

    it('whose fill throws is a failure for all', async () => {
      const held = heldFill()
      const broken = read(a, (signal) => held.fill(signal).then(() => Promise.reject(new Error('broken'))))
      await held.started
      const second = read(b)
      await wait(1)
      held.end({ outcome: 'uncacheable' })
      await expect(broken).rejects.toThrow('broken')
      expect(await second).toMatchObject({ outcome: 'failed', status: 502 })
    })

    it('too large for the wire is delivered, and passes for 10 s', async () => {
      const held = heldFill()
      const first = read(a, held.fill)
      await held.started
      const second = read(b)
      await wait(1)
      held.end({ outcome: 'cacheable', entry: { ...entryOf(key, ''), body: Buffer.alloc(3 * 1024 * 1024) } })
      expect(await first).toMatchObject({ outcome: 'filled', stored: false })
      expect(await second).toEqual({ outcome: 'pass' })
    })
  })

  describe('a fill belongs to its readers', () => {
    it('and is cancelled when the last has left, here and elsewhere', async () => {
      const held = heldFill()
      const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
      const readers = [read(a, held.fill, one.signal), read(a, unwanted, two.signal)]
      const signal = await held.started
      readers.push(read(b, unwanted, three.signal))
      await wait(1)
      for (const reader of readers) reader.catch(() => {})
      one.abort(new Error('gone'))
      await expect(readers[0]).rejects.toThrow('gone')
      expect(signal.aborted).toBe(false)
      three.abort(new Error('gone'))
      await wait(0)
      two.abort(new Error('gone'))
      await until(() => signal.aborted)
      await noLease()
      await Promise.allSettled(readers)
    })

    it('and is cancelled when the last has left elsewhere, its own having left before', async () => {
      const held = heldFill()
      const [here, elsewhere] = [new AbortController(), new AbortController()]
      const first = read(a, held.fill, here.signal)
      const signal = await held.started
      const second = read(b, unwanted, elsewhere.signal)
      await wait(1)
      here.abort(new Error('gone'))
      await expect(first).rejects.toThrow('gone')
      const third = read(a, unwanted, elsewhere.signal)
      await wait(2)
      elsewhere.abort(new Error('gone'))
      await expect(second).rejects.toThrow('gone')
      await expect(third).rejects.toThrow('gone')
      await until(() => signal.aborted)
      await noLease()
    })

    it('and goes on for those who wait elsewhere', async () => {
      const held = heldFill()
      const leaving = new AbortController()
      const first = read(a, held.fill, leaving.signal)
      const signal = await held.started
      const second = read(b)
      await wait(1)
      leaving.abort(new Error('gone'))
      await expect(first).rejects.toThrow('gone')
      const third = read(a)
      await wait(2)
      expect(signal.aborted).toBe(false)
      held.end(filling(key, 'one'))
      expect(bodyOf(await second)).toBe('one')
      expect(bodyOf(await third)).toBe('one')
    })

    it('and passes to who waits elsewhere when its gateway closes', async () => {
      const held = heldFill()
      const first = read(a, held.fill)
      await held.started
      const second = read(b, async () => filling(key, 'two'))
      await wait(1)
      void first.catch(() => {})
      await a.close()
      await expect(first).rejects.toThrow('closed')
      expect(await second).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })
    })
  })

  describe('an answer that has begun', () => {
    it('is given to all its readers here at once, and elsewhere when it is whole', async () => {
      const whole = Promise.withResolvers<ReturnType<typeof filling>>()
      const answer = {}
      const fill = async () => ({ outcome: 'begun', answer, tags: [url], whole: whole.promise }) as const
      expect(await read(a, fill)).toEqual({ outcome: 'begun', answer, collapsed: false, storing: true })
      expect(await read(a)).toEqual({ outcome: 'begun', answer, collapsed: true, storing: true })
      const elsewhere = read(b)
      await wait(1)
      whole.resolve(filling(key, 'one'))
      expect(bodyOf(await elsewhere)).toBe('one')
    })

    it('is not joined after a purge of what may be in it, and not stored', async () => {
      const whole = Promise.withResolvers<ReturnType<typeof filling>>()
      const fill = async () => ({ outcome: 'begun', answer: {}, tags: [url, 'its'], whole: whole.promise }) as const
      await read(a, fill)
      await b.purge({ tags: ['its'] })
      const after = read(a, async () => filling(key, 'new'))
      whole.resolve(filling(key, 'old', { tags: [url, 'its'] }))
      expect(bodyOf(await after)).toBe('new')
      expect(bodyOf(await read(b))).toBe('new')
    })
  })

  describe('what is stale', () => {
    const windows = { fresh: 1000, whileRevalidate: 20_000, ifError: 40_000, ifAsked: 1000, keep: 60_000 }
    const put = (ageMs: number) => read(a, async () => filling(key, 'old', { windows, ageMs }))

    it('is served at once while one gateway revalidates it', async () => {
      await put(5000)
      const held = heldFill()
      const first = await read(b, held.fill)
      expect(first).toMatchObject({ outcome: 'stale', tier: 'l2', entry: { body: Buffer.from('old') } })
      await held.started
      expect(held.seen.stale?.body.toString()).toBe('old')
      const [, , c] = clients as [CacheClient, CacheClient, CacheClient]
      expect(await read(c)).toMatchObject({ outcome: 'stale', tier: 'l2' })
      held.end(filling(key, 'new'))
      await expect.poll(async () => bodyOf(await read(c))).toBe('new')
    })

    it('and of no use meanwhile is waited for, and used where the origin fails', async () => {
      await put(30_000)
      const held = heldFill()
      const first = read(b, held.fill)
      await held.started
      const [, , c] = clients as [CacheClient, CacheClient, CacheClient]
      const second = read(c)
      await wait(1)
      held.end({ outcome: 'failed', status: 502, error: 'connection_refused' })
      expect(await first).toMatchObject({ outcome: 'failed', stale: { body: Buffer.from('old') } })
      expect(await second).toMatchObject({ outcome: 'failed', status: 502, stale: { body: Buffer.from('old') } })
    })

    it('is of no use after a purge, neither to those who come, nor to those who wait', async () => {
      await put(5000)
      await a.purge({ tags: [url] })
      const held = heldFill()
      const reading = read(b, held.fill)
      await held.started
      expect(held.seen.stale).toBeUndefined()
      held.end({ outcome: 'failed', status: 502, error: 'connection_refused' })
      const failed = await reading
      expect('stale' in failed && failed.stale).toBeFalsy()
    })

    it('is what a soft purge makes of what is fresh, by key, tag or all', async () => {
      for (const purge of [{ keys: [key] }, { tags: ['soft'] }, { all: true as const }]) {
        await a.purge({ keys: [key] })
        await read(a, async () => filling(key, 'old', { windows, tags: [url, 'soft'] }))
        await b.purge({ ...purge, soft: true })
        const held = heldFill()
        expect(await read(b, held.fill)).toMatchObject({ outcome: 'stale', entry: { body: Buffer.from('old') } })
        await held.started
        held.end(filling(key, 'new', { windows }))
        await expect.poll(async () => bodyOf(await read(b))).toBe('new')
      }
    })

    it('is asked for anew once over all gateways by those who have it in use and want a younger one', async () => {
      await read(a, async () => filling(key, 'old', { windows: { ...windows, fresh: 60_000 }, ageMs: 5000 }))
      const [, , c] = clients as [CacheClient, CacheClient, CacheClient]
      const one = (await read(b)) as { entry: ReturnType<typeof entryOf> }
      const two = (await read(c)) as { entry: ReturnType<typeof entryOf> }
      const held = heldFill()
      b.refresh(key, url, held.fill, one.entry)
      await held.started
      c.refresh(key, url, unwanted, two.entry)
      expect(bodyOf(await read(c))).toBe('old')
      held.end(filling(key, 'new'))
      const [, d] = [await clientOf(store.url)].flatMap((client) => [client, client])
      clients.push(d as CacheClient)
      await expect.poll(async () => bodyOf(await read(d as CacheClient))).toBe('new')
    })

    it('is gone when what comes of revalidating it may not be shared', async () => {
      await put(5000)
      const held = heldFill()
      await read(b, held.fill)
      await held.started
      held.end({ outcome: 'uncacheable' })
      await expect.poll(async () => (await read(a)).outcome).toBe('pass')
    })
  })

  describe('a purge', () => {
    it('has emptied every tier when it resolves, by key, tag or all', async () => {
      for (const purge of [{ keys: [key] }, { tags: ['t'] }, { tags: [url] }, { all: true as const }]) {
        const make = async () => filling(key, 'old', { tags: [url, 't'] })
        await read(a, make)
        expect(await read(b)).toMatchObject({ outcome: 'hit' })
        await a.purge(purge)
        expect(a.peek(key)).toBeUndefined()
        expect(b.peek(key)).toBeUndefined()
        expect(await read(b, async () => filling(key, 'new'))).toMatchObject({ outcome: 'filled', collapsed: false })
        await a.purge({ keys: [key] })
      }
    })

    it('makes a fill under way unusable for those who come after it, and for every tier', async () => {
      for (const purge of [{ tags: [url] }, { keys: [key] }, { all: true as const }]) {
        const old = heldFill()
        const before = read(a, old.fill)
        await old.started
        await b.purge(purge)
        const anew = heldFill()
        const after = read(a, anew.fill)
        await anew.started
        old.end(filling(key, 'old'))
        expect(await before).toMatchObject({ outcome: 'filled', stored: false })
        expect(a.peek(key)).toBeUndefined()
        const elsewhere = read(b)
        anew.end(filling(key, 'new'))
        expect(bodyOf(await after)).toBe('new')
        expect(bodyOf(await elsewhere)).toBe('new')
        expect(bodyOf(await read(a))).toBe('new')
        await b.purge({ keys: [key] })
      }
    })

    it('of a tag that turns out to be the fill’s leaves the fill to the next who waits', async () => {
      const old = heldFill()
      const before = read(a, old.fill)
      await old.started
      await b.purge({ tags: ['its'] })
      const anew = heldFill()
      const after = [read(a, anew.fill), read(b, anew.fill)]
      await wait(2)
      old.end(filling(key, 'old', { tags: [url, 'its'] }))
      expect(await before).toMatchObject({ outcome: 'filled', stored: false })
      await anew.started
      anew.end(filling(key, 'new', { tags: [url, 'its'] }))
      for (const reading of await Promise.all(after)) expect(bodyOf(reading)).toBe('new')
      expect(anew.seen.runs).toBe(1)
    })

    it('of another tag keeps nobody from it once its tags are known', async () => {
      const first = heldFill()
      const before = read(a, first.fill)
      await first.started
      await b.purge({ tags: ['unrelated'] })
      const after = read(a)
      first.end(filling(key, 'one'))
      expect(await before).toMatchObject({ outcome: 'filled', stored: true })
      expect(bodyOf(await after)).toBe('one')
      expect(await read(a)).toMatchObject({ outcome: 'hit' })
    })

    it('200 times over, is followed by no old value at any gateway', async () => {
      let value = 0
      const fill = async () => filling(key, `${value}`)
      for (let n = 1; n <= 200; n++) {
        value = n
        await (clients[n % 3] as CacheClient).purge({ tags: [url] })
        const readings = await Promise.all(clients.map((client) => read(client, fill)))
        for (const reading of readings) expect(bodyOf(reading)).toBe(`${n}`)
      }
    })
  })
})
