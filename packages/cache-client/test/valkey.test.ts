/** What only Valkey or Redis can do to a cache: evict, fill up, pause, restart, be away; and gateways that die over it. */
import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { Redis } from 'iovalkey'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CacheClient, type Fill, openCache, PurgeUnconfirmed, type Reading } from '../src/index.ts'
import { Processes } from './processes.ts'
import { never, until, unwanted } from './scripted-service.ts'
import { bodyOf, clientOf, filling, heldFill } from './stores.ts'
import { installed, ValkeyServer } from './valkey-server.ts'

const URL = 'url:k'
const logger = { info() {}, warn() {} }
const read = (client: CacheClient, fill = unwanted, signal = never) => client.read('k', URL, fill, signal)
const make = (body: string) => async () => filling('k', body, { tags: [URL, 'its'] })

/** One value that is written and read; every reading is held against what was acknowledged when its read began. */
class Origin {
  #written = 0
  #acknowledged = 0

  async write(purge: () => Promise<void>): Promise<void> {
    const value = ++this.#written
    await purge()
    this.#acknowledged = Math.max(this.#acknowledged, value)
  }

  async read(ask: (fill: Fill) => Promise<Reading>, fillMs: number): Promise<void> {
    const atLeast = this.#acknowledged
    const reading = await ask(async () => {
      const body = String(this.#written)
      await delay(fillMs)
      return filling('k', body, { tags: [URL, 'its'] })
    })
    expect(Number(bodyOf(reading))).toBeGreaterThanOrEqual(atLeast)
  }
}

const overValkey = () => {
  const closing: (() => unknown)[] = []
  let server: ValkeyServer
  let a: CacheClient
  let b: CacheClient
  let admin: Redis

  async function open(...options: string[]) {
    server = await ValkeyServer.start(...options)
    admin = new Redis(server.url)
    admin.on('error', () => {})
    a = await clientOf(server.url)
    b = await clientOf(server.url)
    closing.push(
      () => server.close(),
      () => admin.disconnect(),
      () => Promise.all([a.close(), b.close()]),
    )
  }
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  describe('a key that is evicted', () => {
    beforeEach(() => open())

    it('takes entries with it and brings none back, whatever it was', async () => {
      for (const key of ['state', 'tag:its', 'tag:url:k', 'entry:*', 'purges']) {
        await a.purge({ all: true })
        await read(a, make('old'))
        await a.purge({ tags: ['its'] })
        const [found] = await admin.keys(`spillway:${key}`)
        if (found) await admin.del(found)
        expect(bodyOf(await read(b, make('new')))).toBe('new')
        const [again] = await admin.keys(`spillway:${key}`)
        await admin.del(again as string)
        // The log of purges is about fills under way only.
        expect((await read(b, make('newer'))).outcome).toBe(key === 'purges' ? 'hit' : 'filled')
      }
    })

    it('keeps a fill under way from being stored, where it could have told of a purge', async () => {
      for (const key of ['state', 'purges', 'lease:*']) {
        await a.purge({ all: true })
        const held = heldFill()
        const reading = read(a, held.fill)
        await held.started
        await b.purge({ tags: ['its'] })
        await admin.del(...(await admin.keys(`spillway:${key}`)))
        held.end(filling('k', 'old', { tags: [URL, 'its'] }))
        expect(await reading).toMatchObject({ outcome: 'filled', stored: false })
        expect(bodyOf(await read(b, make('new')))).toBe('new')
      }
    })

    it('or is not, at any moment: no read that begins after an acknowledged purge returns an older value', async () => {
      const steps = fc.array(
        fc.record({
          do: fc.constantFrom('read', 'read', 'read', 'leave', 'write', 'evict'),
          at: fc.nat({ max: 12 }),
          client: fc.constantFrom(a, b),
          fillMs: fc.nat({ max: 6 }),
          purge: fc.constantFrom({ tags: ['its'] }, { tags: [URL] }, { keys: ['k'] }, { all: true as const }),
          nth: fc.nat(),
        }),
        { minLength: 5, maxLength: 40 },
      )
      const property = fc.asyncProperty(steps, async (all) => {
        const origin = new Origin()
        const perform = async ({ do: what, at, client, fillMs, purge, nth }: (typeof all)[number]) => {
          await delay(at)
          if (what === 'write') return origin.write(() => client.purge(purge))
          if (what === 'read') return origin.read((fill) => read(client, fill), fillMs)
          if (what === 'evict') return evict(nth)
          const leaving = AbortSignal.timeout(fillMs)
          return origin
            .read((fill) => read(client, fill, leaving), fillMs)
            .catch((error) => leaving.aborted || Promise.reject(error))
        }
        await Promise.all(all.map(perform))
      })
      await fc.assert(property, { numRuns: 150 })
    })

    async function evict(nth: number) {
      const keys = await admin.keys('*')
      if (keys.length > 0) await admin.del(keys[nth % keys.length] as string)
    }
  })

  it('a store that is full takes no fill, gives what it has, and is purged', async () => {
    await open('--maxmemory-policy', 'noeviction')
    await read(a, make('old'))
    await admin.config('SET', 'maxmemory', '1mb')
    const other = await a.read('l', 'url:l', async () => filling('l', 'x'), never)
    expect(other).toMatchObject({ outcome: 'filled', stored: false })
    expect(bodyOf(await read(b))).toBe('old')
    await b.purge({ tags: ['its'] })
    expect(bodyOf(await read(a, make('new')))).toBe('new')
  })

  it('a lease is renewed while its holder fills, and ends after 30 s all the same', async () => {
    await open()
    const held = heldFill()
    const first = read(a, held.fill)
    await held.started
    const [lease] = (await admin.keys('spillway:lease:*')) as [string]
    await admin.pexpire(lease, 1000)
    await expect.poll(() => admin.pttl(lease)).toBeGreaterThan(1500)
    await admin.hset(lease, 'until', 0)
    expect(bodyOf(await read(b, make('new')))).toBe('new')
    held.end(filling('k', 'old'))
    expect(await first).toMatchObject({ outcome: 'filled', stored: false })
    expect(bodyOf(await read(a))).toBe('new')
  })

  it('an entry that is damaged is dropped', async () => {
    await open()
    await read(a, make('old'))
    const [found] = await admin.keys('spillway:entry:*')
    await admin.hset(found as string, 'frame', 'nonsense')
    expect(bodyOf(await read(b, make('new')))).toBe('new')
    await expect.poll(() => admin.keys('spillway:entry:*')).toEqual([])
  })

  it('a store with a password is used with it, and without it is said to want one; no other database will do', async () => {
    await open()
    await admin.config('SET', 'requirepass', 'secret')
    const known = await clientOf(server.url.replace('//', '//:secret@'))
    expect(await read(known, make('one'))).toMatchObject({ stored: true })
    await admin.call(
      'ACL',
      'SETUSER',
      'gateway',
      'on',
      '>own',
      '~spillway:*',
      '&spillway:*',
      '+@all',
      '-@admin',
      '-@dangerous',
    )
    const user = await clientOf(server.url.replace('//', '//gateway:own@'))
    expect(await read(user)).toMatchObject({ outcome: 'hit' })
    await user.purge({ tags: ['its'] })
    await user.close()
    const unknown = await openCache({ url: server.url, instance: 'test', logger })
    await expect.poll(() => unknown.state).toMatchObject({ live: false, why: expect.stringMatching(/NOAUTH/) })
    await Promise.all([known.close(), unknown.close()])
    const strayed = await openCache({ url: `${server.url}/99`.replace('//', '//:secret@'), instance: 'test', logger })
    await expect.poll(() => strayed.state).toMatchObject({ live: false, why: expect.stringMatching(/DB index/) })
    expect(await read(strayed, make('two'))).toMatchObject({ outcome: 'filled', stored: false })
    await strayed.close()
  })

  describe('a store that is away', () => {
    beforeEach(() => open())

    it('keeps no read from the origin, but writers from being told that all is purged; it comes back empty', async () => {
      await read(a, make('old'))
      const held = heldFill()
      const before = a.read('l', 'url:l', held.fill, never)
      await held.started
      await server.kill()
      await until(() => !a.state.live)
      const during = await Promise.all(Array.from({ length: 20 }, () => read(a, make('new'))))
      expect(new Set(during.map(bodyOf))).toEqual(new Set(['new']))
      await expect(a.purge({ keys: ['k'] })).rejects.toThrow(PurgeUnconfirmed)
      await server.run()
      await until(() => a.state.live && b.state.live, 10_000)
      held.end(filling('l', 'x'))
      expect(await before).toMatchObject({ outcome: 'filled', stored: false })
      expect(await read(b, make('newer'))).toMatchObject({ outcome: 'filled', stored: true })
      expect(await read(a)).toMatchObject({ outcome: 'hit' })
    })

    it('for as long as a purge can wait, is purged when it is back', async () => {
      await server.kill()
      const purged = a.purge({ keys: ['k'] })
      await server.run()
      await purged
    })

    it('or paused costs a read little, is passed by until it answers, and leaves no lease behind', async () => {
      const hasty = await clientOf(server.url, 250)
      closing.push(() => hasty.close())
      await admin.client('PAUSE', 1000, 'ALL')
      expect(bodyOf(await read(hasty, make('one')))).toBe('one')
      expect(hasty.state).toMatchObject({ live: false, why: 'no answer in 250 ms' })
      expect(bodyOf(await read(hasty, make('two')))).toBe('two')
      await hasty.purge({ keys: ['k'] })
      await until(() => hasty.state.live)
      expect(await read(b, make('three'))).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })
    })
  })

  describe('an answer', () => {
    beforeEach(() => open())

    it('that came while this process was busy is in time', async () => {
      await read(a, make('one'))
      const reading = read(a)
      await new Promise(setImmediate)
      for (const end = performance.now() + 1000; performance.now() < end; );
      expect(await reading).toMatchObject({ outcome: 'hit' })
      expect(a.state).toEqual({ live: true })
    })

    it('that never comes, on a connection that is dead without a word, ends with another connection', async () => {
      const dead = new Set<net.Socket>()
      const open = new Set<net.Socket>()
      const proxy = net.createServer((inbound) => {
        const outbound = net.connect(server.port, '127.0.0.1')
        open.add(inbound)
        inbound.on('error', () => {}).on('close', () => outbound.destroy())
        outbound.on('error', () => {}).on('close', () => inbound.destroy())
        inbound.pipe(outbound)
        outbound.on('data', (chunk) => dead.has(inbound) || inbound.write(chunk))
      })
      await once(proxy.listen(0, '127.0.0.1'), 'listening')
      const client = await clientOf(`redis://127.0.0.1:${(proxy.address() as net.AddressInfo).port}`)
      for (const socket of open) dead.add(socket)
      expect(bodyOf(await read(client, make('one')))).toBe('one')
      await until(() => client.state.live, 10_000)
      expect(await read(client, make('two'))).toMatchObject({ outcome: 'filled', stored: true })
      await client.close()
      proxy.close()
    })
  })

  describe('a gateway', () => {
    const processes = new Processes()
    beforeEach(() => open())
    afterEach(() => processes.close())

    it('killed in mid-fill leaves the fill to those who wait', async () => {
      const gateway = await processes.gateway(server.url)
      const doomed = gateway.read('old', true)
      await doomed.started
      const waiting = [read(a, make('new')), read(a, make('new')), read(b, make('new'))]
      await processes.kill(gateway.child)
      const readings = await Promise.all(waiting)
      expect(new Set(readings.map(bodyOf))).toEqual(new Set(['new']))
      expect(readings.filter((reading) => 'collapsed' in reading && !reading.collapsed)).toHaveLength(1)
    })

    it('stopped in mid-fill leaves the fill to those who wait, and stores nothing when it resumes', async () => {
      const gateway = await processes.gateway(server.url)
      const held = gateway.read('old', true)
      await held.started
      const waiting = read(a, make('new'))
      gateway.child.kill('SIGSTOP')
      expect(bodyOf(await waiting)).toBe('new')
      await b.purge({ tags: ['its'] })
      gateway.child.kill('SIGCONT')
      expect(bodyOf(await read(b, make('newer')))).toBe('newer')
      const anew = gateway.read('newest')
      expect(await anew.result).toBe('newer')
    })
  })
}

if (installed) describe('over Valkey or Redis', overValkey)
else it.skip('over Valkey or Redis, of which none is installed', () => {})
