/** The client against the service: what readers at one and at several gateways get. */
import type { CacheClient } from '@spillway/cache-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bodyOf, entry, heldFill, never, until, unwanted, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

const url = (key: string) => `url:${key}`
const cacheable = (key: string, body: string, rest = {}) =>
  ({ outcome: 'cacheable', entry: entry(key, body, rest) }) as const

async function cluster(size: number) {
  const service = await world.service()
  const clients = await Promise.all(Array.from({ length: size }, () => world.client(service.url)))
  const stats = async () => (await (await fetch(`${service.url}/stats`)).json()) as Record<string, number>
  return { service, clients, stats, a: clients[0] as CacheClient, b: clients[1] as CacheClient }
}

describe('a miss', () => {
  it('is filled once, then hit in L1 here and in L2 elsewhere', async () => {
    const { a, b } = await cluster(2)
    const first = await a.read('k', url('k'), async () => cacheable('k', 'one'), never)
    expect(first).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })
    expect(await a.read('k', url('k'), unwanted, never)).toMatchObject({ outcome: 'hit', tier: 'l1' })
    const elsewhere = await b.read('k', url('k'), unwanted, never)
    expect(elsewhere).toMatchObject({ outcome: 'hit', tier: 'l2' })
    expect(bodyOf(elsewhere)).toBe('one')
    expect(b.peek('k')?.body.toString()).toBe('one')
    expect(a.counters).toMatchObject({ l1Hits: 1, leases: 1 })
    expect(b.counters).toMatchObject({ l1Hits: 1, l2Hits: 1, leases: 0 })
  })

  it('of 200 readers over three clients is filled once', async () => {
    const { clients } = await cluster(3)
    const held = heldFill()
    const readers = Array.from({ length: 200 }, (_, n) =>
      (clients[n % 3] as CacheClient).read('k', url('k'), held.fill, never),
    )
    await held.started
    held.end(cacheable('k', 'one'))
    const readings = await Promise.all(readers)
    expect(held.counts.runs).toBe(1)
    expect(new Set(readings.map(bodyOf))).toEqual(new Set(['one']))
    expect(readings.filter((reading) => reading.outcome === 'filled' && !reading.collapsed)).toHaveLength(1)
  })

  it('that is failed elsewhere is failed here; the next reader starts anew', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const first = a.read('k', url('k'), held.fill, never)
    await held.started
    const second = b.read('k', url('k'), unwanted, never)
    await until(async () => (await stats())['waiting'] === 1)
    held.end({ outcome: 'failed', status: 504, error: 'http_response_timeout', entry: entry('k', 'late') })
    expect(await first).toMatchObject({ outcome: 'failed', status: 504, collapsed: false, entry: { status: 200 } })
    expect(await second).toEqual({ outcome: 'failed', status: 504, error: 'http_response_timeout', collapsed: true })
    expect(await b.read('k', url('k'), async () => cacheable('k', 'anew'), never)).toMatchObject({ outcome: 'filled' })
  })

  it('that may not be shared goes to whoever filled it; others pass, and nobody queues for 10 s', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const first = a.read('k', url('k'), held.fill, never)
    await held.started
    const beside = a.read('k', url('k'), unwanted, never)
    const elsewhere = b.read('k', url('k'), unwanted, never)
    await until(async () => (await stats())['waiting'] === 1)
    held.end({ outcome: 'uncacheable' })
    expect(await first).toEqual({ outcome: 'uncacheable' })
    expect(await beside).toEqual({ outcome: 'pass' })
    expect(await elsewhere).toEqual({ outcome: 'pass' })
    expect(await b.read('k', url('k'), unwanted, never)).toEqual({ outcome: 'pass' })
  })

  it('whose fill throws is a failure for all', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const first = a.read(
      'k',
      url('k'),
      async (signal) => {
        await held.fill(signal)
        throw new Error('broken')
      },
      never,
    )
    await held.started
    const second = b.read('k', url('k'), unwanted, never)
    await until(async () => (await stats())['waiting'] === 1)
    held.end({ outcome: 'uncacheable' })
    await expect(first).rejects.toThrow('broken')
    expect(await second).toMatchObject({ outcome: 'failed', status: 502 })
  })

  it('too large for the wire is delivered, and passes for 10 s', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const first = a.read('k', url('k'), held.fill, never)
    await held.started
    const second = b.read('k', url('k'), unwanted, never)
    await until(async () => (await stats())['waiting'] === 1)
    held.end({ outcome: 'cacheable', entry: { ...entry('k', ''), body: Buffer.alloc(3 * 1024 * 1024) } })
    expect(await first).toMatchObject({ outcome: 'filled', stored: false })
    expect(await second).toEqual({ outcome: 'pass' })
  })
})

describe('a fill belongs to its readers', () => {
  it('and is cancelled when the last has left, here and elsewhere', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
    const readers = [a.read('k', url('k'), held.fill, one.signal), a.read('k', url('k'), unwanted, two.signal)]
    const signal = await held.started
    readers.push(b.read('k', url('k'), unwanted, three.signal))
    await until(async () => (await stats())['waiting'] === 1)
    for (const reader of readers) reader.catch(() => {})
    one.abort(new Error('gone'))
    await expect(readers[0]).rejects.toThrow('gone')
    expect(signal.aborted).toBe(false)
    three.abort(new Error('gone'))
    await until(async () => (await stats())['waiting'] === 0)
    two.abort(new Error('gone'))
    await until(() => signal.aborted)
    await until(async () => (await stats())['leases'] === 0)
    await Promise.allSettled(readers)
  })

  it('and is cancelled when the last has left elsewhere, its own having left before', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const [here, elsewhere] = [new AbortController(), new AbortController()]
    const first = a.read('k', url('k'), held.fill, here.signal)
    const signal = await held.started
    const second = b.read('k', url('k'), unwanted, elsewhere.signal)
    await until(async () => (await stats())['waiting'] === 1)
    here.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    // The service has been told: whoever comes now waits there.
    const third = a.read('k', url('k'), unwanted, elsewhere.signal)
    await until(async () => (await stats())['waiting'] === 2)
    elsewhere.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    await expect(third).rejects.toThrow('gone')
    await until(() => signal.aborted)
    await until(async () => (await stats())['leases'] === 0)
  })

  it('and goes on for those who wait elsewhere', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const leaving = new AbortController()
    const first = a.read('k', url('k'), held.fill, leaving.signal)
    const signal = await held.started
    const second = b.read('k', url('k'), unwanted, never)
    await until(async () => (await stats())['waiting'] === 1)
    leaving.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    // A reader who comes now is told to wait by the service, after it was told that the fill is abandoned.
    const third = a.read('k', url('k'), unwanted, never)
    await until(async () => (await stats())['waiting'] === 2)
    expect(signal.aborted).toBe(false)
    held.end(cacheable('k', 'one'))
    expect(bodyOf(await second)).toBe('one')
    expect(bodyOf(await third)).toBe('one')
  })

  it('and passes to who waits elsewhere when its gateway closes', async () => {
    const { a, b, stats } = await cluster(2)
    const held = heldFill()
    const first = a.read('k', url('k'), held.fill, never)
    await held.started
    const second = b.read('k', url('k'), async () => cacheable('k', 'two'), never)
    await until(async () => (await stats())['waiting'] === 1)
    void first.catch(() => {})
    await a.close()
    await expect(first).rejects.toThrow('closed')
    expect(await second).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })
  })
})

describe('a purge', () => {
  it('has emptied every L1 and L2 when it resolves, by key, tag or all', async () => {
    const { a, b } = await cluster(2)
    for (const purge of [{ keys: ['k'] }, { tags: ['t'] }, { tags: [url('k')] }, { all: true as const }]) {
      const make = async () => cacheable('k', 'old', { tags: [url('k'), 't'] })
      await a.read('k', url('k'), make, never)
      await b.read('k', url('k'), unwanted, never)
      expect(b.peek('k')).toBeDefined()
      await a.purge(purge)
      expect(a.peek('k')).toBeUndefined()
      expect(b.peek('k')).toBeUndefined()
      expect(await b.read('k', url('k'), async () => cacheable('k', 'new'), never)).toMatchObject({ outcome: 'filled' })
      await a.purge({ all: true })
    }
  })

  it('makes a fill under way unusable for those who come after it, and for L1 and L2', async () => {
    const { a, b } = await cluster(2)
    const old = heldFill()
    const before = a.read('k', url('k'), old.fill, never)
    await old.started
    await b.purge({ tags: [url('k')] })
    const anew = heldFill()
    const after = a.read('k', url('k'), anew.fill, never)
    await anew.started
    old.end(cacheable('k', 'old'))
    expect(await before).toMatchObject({ outcome: 'filled', stored: false })
    expect(a.peek('k')).toBeUndefined()
    const elsewhere = b.read('k', url('k'), unwanted, never)
    anew.end(cacheable('k', 'new'))
    expect(bodyOf(await after)).toBe('new')
    expect(bodyOf(await elsewhere)).toBe('new')
    expect(a.peek('k')?.body.toString()).toBe('new')
  })

  it('of any tag keeps readers out of a fill whose tags are unknown, and lets L1 have it once they are known', async () => {
    const { a, b } = await cluster(2)
    const first = heldFill()
    const before = a.read('k', url('k'), first.fill, never)
    await first.started
    await b.purge({ tags: ['unrelated'] })
    const after = a.read('k', url('k'), unwanted, never)
    first.end(cacheable('k', 'one'))
    expect(await before).toMatchObject({ outcome: 'filled', stored: true })
    expect(bodyOf(await after)).toBe('one')
    expect(a.peek('k')).toBeDefined()
  })

  it('waits for a gateway whose stream is held back by 500 ms', async () => {
    const service = await world.service()
    const proxy = await world.proxy(service.port)
    const a = await world.client(service.url)
    const b = await world.client(proxy.url)
    await a.purge({ all: true })
    await a.read('k', url('k'), async () => cacheable('k', 'old'), never)
    await b.read('k', url('k'), unwanted, never)
    proxy.gate.delayMs = 500
    const began = performance.now()
    await a.purge({ keys: ['k'] })
    expect(performance.now() - began).toBeGreaterThan(450)
    expect(performance.now() - began).toBeLessThan(1900)
    expect(b.peek('k')).toBeUndefined()
  })

  it('waits a gateway out whose stream is stuck, which by then uses its L1 no more', async () => {
    const service = await world.service()
    const proxy = await world.proxy(service.port)
    const a = await world.client(service.url)
    const b = await world.client(proxy.url)
    await a.purge({ all: true })
    await a.read('k', url('k'), async () => cacheable('k', 'old'), never)
    await b.read('k', url('k'), unwanted, never)
    proxy.gate.stuck = true
    const began = performance.now()
    await a.purge({ keys: ['k'] })
    expect(performance.now() - began).toBeLessThan(3000)
    expect(b.peek('k')).toBeUndefined()
    const fresh = await b.read('k', url('k'), async () => cacheable('k', 'new'), never)
    expect(bodyOf(fresh)).toBe('new')
  })

  it('waits for no gateway that has closed as it should', async () => {
    const { a, b, stats } = await cluster(2)
    // A fresh epoch answers no purge before it is 2 s old; that is not what is measured here.
    await a.purge({ all: true })
    await b.close()
    expect(await stats()).toMatchObject({ sessions: 1 })
    const began = performance.now()
    await a.purge({ all: true })
    expect(performance.now() - began).toBeLessThan(1000)
  })

  it('200 times over, is followed by no old value at any gateway', async () => {
    const { clients, a } = await cluster(3)
    let value = 0
    const read = (client: CacheClient) => client.read('k', url('k'), async () => cacheable('k', `${value}`), never)
    await a.purge({ all: true })
    for (let n = 1; n <= 200; n++) {
      value = n
      await (clients[n % 3] as CacheClient).purge({ tags: [url('k')] })
      for (const reading of await Promise.all(clients.map(read))) expect(bodyOf(reading)).toBe(`${n}`)
    }
  })
})
