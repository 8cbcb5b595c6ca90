import { digest, freshOnly, type PurgeBody, type StreamLine, seal } from '@spillway/cache-client'
import { TtlCache } from '@spillway/ttl-cache'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Coherence } from './coherence.ts'
import { type Asker, type Decided, LEASE_MS, PASS_MS, type Stored } from './leases.ts'

const URL_TAG = 'http://db/k'

function fixture() {
  // Not 0, which lru-cache takes for no time at all.
  const time = { now: 1 }
  const clock = () => time.now
  const store = new TtlCache<Stored>({ maxBytes: 1e6, clock })
  const core = new Coherence({ epoch: 'e', store, clock })
  const stored = (key: string, tags: string[] = [URL_TAG], body = 'body'): Stored => ({
    sealed: seal({
      key,
      status: 200,
      headers: [],
      body: Buffer.from(body),
      windows: freshOnly(60_000),
      fillMs: 0,
      tags,
      vary: [],
    }),
    ageMs: 0,
    at: time.now,
  })
  const session = () => {
    const lines: StreamLine[] = []
    const stream = { lines, closed: false }
    const end = {
      send: (line: StreamLine) => void lines.push(line),
      close: () => {
        stream.closed = true
      },
    }
    const id = core.open(end, 'test')
    return Object.assign(stream, { id })
  }
  const asker = (of: { id: string }, url = URL_TAG) => {
    const told: Decided[] = []
    const state = { told, ended: false }
    const self: Asker = {
      session: of.id,
      url: digest(url),
      tell: (decided) => void told.push(decided),
      end: () => {
        state.ended = true
      },
    }
    return Object.assign(state, { self })
  }
  const ask = (key: string, who: { self: Asker }) => core.ask(digest(key), who.self)
  const lease = (key: string, who: { self: Asker }) => {
    const verdict = ask(key, who)
    if (verdict === 'gone' || verdict.name !== 'lease') throw new Error(`no lease: ${JSON.stringify(verdict)}`)
    return verdict.token
  }
  const isAnswered = async (purge: Promise<void>) =>
    (await Promise.race([purge.then(() => 'yes'), new Promise((resolve) => setImmediate(resolve, 'no'))])) === 'yes'
  /** Past the epoch's first 2 s, with sessions kept alive. */
  const settle = (...sessions: { id: string }[]) => {
    for (let elapsed = 0; elapsed < 2000; elapsed += 500) {
      time.now += 500
      for (const { id } of sessions) core.confirm(id, core.seq)
    }
  }
  return { time, core, stored, session, asker, ask, lease, isAnswered, settle }
}

describe('leases', () => {
  it('go to the first who misses; the others wait and share the fill', () => {
    const { session, asker, ask, lease, core, stored } = fixture()
    const [a, b] = [session(), session()]
    const holder = asker(a)
    const waiter = asker(b)
    const token = lease('k', holder)
    expect(ask('k', waiter)).toMatchObject({ name: 'wait' })
    expect(core.fill(digest('k'), token, stored('k'))).toBe(true)
    expect(waiter.told).toMatchObject([{ outcome: 'filled', entry: { sealed: { key: 'k' } } }])
    expect(holder).toMatchObject({ ended: true, told: [] })
    expect(ask('k', asker(b))).toMatchObject({ name: 'hit' })
    expect(core.counts).toMatchObject({ leases: 0, waiting: 0 })
  })

  it('are counted, and so is what became of every lookup', () => {
    const { session, asker, ask, lease, core, stored, time } = fixture()
    const a = session()
    const token = lease('k', asker(a))
    ask('k', asker(a))
    core.fill(digest('k'), token, stored('k'))
    ask('k', asker(a))
    ask('other', asker({ id: 'unknown' }))
    expect(core.lookups).toEqual({ hits: 1, misses: 3, stale: 0, collapsed: 1 })
    for (let elapsed = 0; elapsed < 61_000; elapsed += 500) {
      time.now += 500
      core.confirm(a.id, core.seq)
    }
    lease('k', asker(a))
    expect(core.lookups).toEqual({ hits: 1, misses: 4, stale: 0, collapsed: 1 })
  })

  it('are not given without a live session, though a hit is', () => {
    const { session, asker, ask, lease, core, stored, time } = fixture()
    const a = session()
    core.fill(digest('k'), lease('k', asker(a)), stored('k'))
    time.now += 2000
    expect(ask('k', asker(a))).toMatchObject({ name: 'hit' })
    expect(ask('other', asker(a))).toBe('gone')
    expect(ask('other', asker({ id: 'unknown' }))).toBe('gone')
  })

  it('go to the next who waits when the holder’s stream closes, his connection closes, or his 2 s are over', () => {
    for (const death of ['stream', 'connection', 'expiry'] as const) {
      const { session, asker, ask, lease, core, stored, time } = fixture()
      const [a, b] = [session(), session()]
      const holder = asker(a)
      const waiter = asker(b)
      const token = lease('k', holder)
      ask('k', waiter)
      if (death === 'stream') core.close(a.id)
      else if (death === 'connection') core.leave(digest('k'), holder.self)
      else {
        time.now += 1500
        core.confirm(b.id, 0)
        time.now += 500
        core.tick()
      }
      expect(waiter.told).toMatchObject([{ outcome: 'lease', seq: 2 }])
      expect(core.fill(digest('k'), token, stored('k'))).toBe(false)
      const [next] = waiter.told
      expect(core.fill(digest('k'), next?.outcome === 'lease' ? next.token : '', stored('k'))).toBe(true)
    }
  })

  it('of a waiter who leaves as it is granted go to the next', () => {
    const { session, asker, ask, lease, core } = fixture()
    const a = session()
    const [holder, first, second] = [asker(a), asker(a), asker(a)]
    lease('k', holder)
    ask('k', first)
    ask('k', second)
    core.leave(digest('k'), holder.self)
    core.leave(digest('k'), first.self)
    expect(second.told).toMatchObject([{ outcome: 'lease' }])
    core.leave(digest('k'), second.self)
    expect(core.counts.leases).toBe(0)
  })

  it('end after their time though the holder lives', () => {
    const { session, asker, ask, lease, core, time, stored } = fixture()
    const a = session()
    const holder = asker(a)
    const token = lease('k', holder)
    for (let elapsed = 0; elapsed < LEASE_MS; elapsed += 500) {
      time.now += 500
      core.confirm(a.id, 0)
    }
    const waiter = asker(a)
    ask('k', waiter)
    core.tick()
    expect(waiter.told).toMatchObject([{ outcome: 'lease' }])
    expect(core.fill(digest('k'), token, stored('k'))).toBe(false)
  })

  it('given back as failed end every wait with that failure; the next reader starts anew', () => {
    const { session, asker, ask, lease, core } = fixture()
    const a = session()
    const token = lease('k', asker(a))
    const waiter = asker(a)
    ask('k', waiter)
    core.surrender(digest('k'), token, { reason: 'failed', status: 504, error: 'http_response_timeout' })
    expect(waiter.told).toMatchObject([{ outcome: 'failed', status: 504, error: 'http_response_timeout' }])
    expect(ask('k', asker(a))).toMatchObject({ name: 'lease' })
  })

  it('given back as uncacheable leave a mark for 10 s, which a purge removes', async () => {
    const { session, asker, ask, lease, core, time } = fixture()
    const a = session()
    const token = lease('k', asker(a))
    const waiter = asker(a)
    ask('k', waiter)
    core.surrender(digest('k'), token, { reason: 'uncacheable' })
    expect(waiter.told).toMatchObject([{ outcome: 'pass' }])
    expect(ask('k', asker(a))).toMatchObject({ name: 'pass' })
    for (let elapsed = 0; elapsed <= PASS_MS; elapsed += 500) {
      time.now += 500
      core.confirm(a.id, 0)
    }
    expect(ask('k', asker(a))).toMatchObject({ name: 'lease' })
    const other = lease('other', asker(a))
    core.surrender(digest('other'), other, { reason: 'uncacheable' })
    void core.purge({ keys: ['other'] })
    expect(ask('other', asker(a))).toMatchObject({ name: 'lease' })
  })

  it('given back as uncacheable leave marks in bounded memory', () => {
    const { session, asker, ask, lease, core } = fixture()
    const a = session()
    for (let n = 0; n < 20_000; n++) {
      const token = lease(`k${n}`, asker(a))
      core.surrender(digest(`k${n}`), token, { reason: 'uncacheable' })
    }
    expect(ask('k0', asker(a))).toMatchObject({ name: 'lease' })
    expect(ask('k19999', asker(a))).toMatchObject({ name: 'pass' })
  })

  it('abandoned are over, unless others wait', () => {
    const { session, asker, ask, lease, core, stored } = fixture()
    const a = session()
    const token = lease('k', asker(a))
    const waiter = asker(a)
    ask('k', waiter)
    expect(core.surrender(digest('k'), token, { reason: 'abandoned' })).toBe('awaited')
    core.leave(digest('k'), waiter.self)
    expect(core.surrender(digest('k'), token, { reason: 'abandoned' })).toBe('ended')
    expect(core.fill(digest('k'), token, stored('k'))).toBe(false)
    expect(core.surrender(digest('k'), token, { reason: 'abandoned' })).toBe('ended')
  })
})

describe('a fill', () => {
  it.each([
    ['its key', { keys: ['k'] }],
    ['its URL', { tags: [URL_TAG] }],
    ['one of its tags, unknown until its last byte', { tags: ['items'] }],
    ['all', { all: true as const }],
  ])('is refused once a purge of %s has come since the grant', (_, purge) => {
    const { session, asker, lease, core, stored, ask } = fixture()
    const a = session()
    const token = lease('k', asker(a))
    void core.purge(purge)
    expect(core.fill(digest('k'), token, stored('k', [URL_TAG, 'items']))).toBe(false)
    expect(ask('k', asker(a))).toMatchObject({ name: 'lease' })
  })

  it('overtaken by a purge leaves its lease to the next who waits', () => {
    for (const purge of [{ tags: ['items'] }, { keys: ['k'] }]) {
      const { session, asker, lease, core, stored, ask } = fixture()
      const a = session()
      const token = lease('k', asker(a))
      const waiter = asker(a)
      ask('k', waiter)
      void core.purge(purge)
      expect(core.fill(digest('k'), token, stored('k', [URL_TAG, 'items']))).toBe(false)
      expect(waiter.told).toMatchObject([{ outcome: 'lease', seq: 3 }])
    }
  })

  it('whose key, URL or all is purged loses its lease at once to the next who waits', () => {
    for (const purge of [{ keys: ['k'] }, { tags: [URL_TAG] }, { all: true as const }]) {
      const { session, asker, lease, core, ask } = fixture()
      const a = session()
      const holder = asker(a)
      lease('k', holder)
      const waiter = asker(a)
      ask('k', waiter)
      void core.purge(purge)
      expect(holder.ended).toBe(true)
      expect(waiter.told).toMatchObject([{ outcome: 'lease', seq: 3 }])
    }
  })

  it('is accepted after purges of other names, and of its own before the grant', () => {
    const { session, asker, lease, core, stored } = fixture()
    const a = session()
    void core.purge({ all: true })
    void core.purge({ keys: ['k'] })
    void core.purge({ tags: [URL_TAG, 'items'] })
    const token = lease('k', asker(a))
    void core.purge({ keys: ['other'] })
    void core.purge({ tags: ['others', 'k'] })
    expect(core.fill(digest('k'), token, stored('k', [URL_TAG, 'items']))).toBe(true)
  })

  it('with a token of another epoch is refused', () => {
    const { core, stored } = fixture()
    expect(core.fill(digest('k'), 'other-1', stored('k'))).toBe(false)
  })
})

describe('a purge', () => {
  it('is answered when every session has confirmed it', async () => {
    const { session, core, settle, isAnswered } = fixture()
    const [a, b] = [session(), session()]
    settle(a, b)
    const purge = core.purge({ tags: ['x'] })
    expect(a.lines.at(-1)).toEqual({ seq: 1, tags: ['x'] })
    core.confirm(a.id, 1)
    expect(await isAnswered(purge)).toBe(false)
    core.confirm(b.id, 0)
    expect(await isAnswered(purge)).toBe(false)
    core.confirm(b.id, 1)
    expect(await isAnswered(purge)).toBe(true)
  })

  it('is seen to be under way at whoever has not confirmed it, and since when', async () => {
    const { session, core, settle, time } = fixture()
    const [a, b] = [session(), session()]
    settle(a, b)
    void core.purge({ tags: ['x'] })
    time.now += 100
    void core.purge({ tags: ['y'] })
    time.now += 50
    core.confirm(a.id, 1)
    expect(core.lags).toEqual([
      { gateway: 'test', purges: 1, ms: 50 },
      { gateway: 'test', purges: 2, ms: 150 },
    ])
    for (const { id } of [a, b]) core.confirm(id, 2)
    expect(core.lags).toMatchObject([
      { purges: 0, ms: 0 },
      { purges: 0, ms: 0 },
    ])
  })

  it('is answered when the sessions that have not confirmed it have expired, which never come back', async () => {
    const { session, core, settle, isAnswered, time } = fixture()
    const [a, b] = [session(), session()]
    settle(a, b)
    const purge = core.purge({ all: true })
    core.confirm(a.id, 1)
    time.now += 1999
    core.tick()
    expect(await isAnswered(purge)).toBe(false)
    core.confirm(a.id, 1)
    time.now += 1
    core.tick()
    expect(await isAnswered(purge)).toBe(true)
    expect(b.closed).toBe(true)
    expect(core.confirm(b.id, 1)).toBe(false)
  })

  it('waits the time of a session out whose stream has closed: its gateway may not know yet', async () => {
    const { session, core, settle, isAnswered, time } = fixture()
    const a = session()
    settle(a)
    core.close(a.id)
    const purge = core.purge({ all: true })
    expect(core.confirm(a.id, 1)).toBe(false)
    expect(await isAnswered(purge)).toBe(false)
    time.now += 2000
    core.tick()
    expect(await isAnswered(purge)).toBe(true)
  })

  it('waits for no session that has said goodbye, whose leases go on to others', async () => {
    const { core, session, asker, ask, lease, isAnswered, settle } = fixture()
    const [a, b] = [session(), session()]
    settle(a, b)
    lease('k', asker(a))
    const waiter = asker(b)
    ask('k', waiter)
    const purge = core.purge({ tags: ['t'] })
    core.confirm(b.id, core.seq)
    expect(await isAnswered(purge)).toBe(false)
    core.forget(a.id)
    expect(a.closed).toBe(true)
    expect(waiter.told).toMatchObject([{ outcome: 'lease' }])
    expect(await isAnswered(purge)).toBe(true)
    expect(core.confirm(a.id, core.seq)).toBe(false)
  })

  it('is not answered before the epoch is 2 s old, since gateways of the one before may live', async () => {
    const { core, isAnswered, time } = fixture()
    const purge = core.purge({ all: true })
    time.now += 1999
    core.tick()
    expect(await isAnswered(purge)).toBe(false)
    time.now += 1
    core.tick()
    expect(await isAnswered(purge)).toBe(true)
  })

  it('counts the epoch from when it listens, since the one before may have answered until then', async () => {
    const { core, isAnswered, time } = fixture()
    time.now += 1000
    core.begin()
    const purge = core.purge({ all: true })
    time.now += 1999
    core.tick()
    expect(await isAnswered(purge)).toBe(false)
    time.now += 1
    core.tick()
    expect(await isAnswered(purge)).toBe(true)
  })

  it('closes a session that goes on confirming all but this one, so that its writer is answered in 4 s', async () => {
    const { session, core, settle, isAnswered, time } = fixture()
    const a = session()
    settle(a)
    const purge = core.purge({ all: true })
    const asked = time.now
    while (core.confirm(a.id, 0)) time.now += 500
    expect(a.closed).toBe(true)
    while (!(await isAnswered(purge))) {
      time.now += 100
      core.tick()
    }
    expect(time.now - asked).toBeLessThanOrEqual(4000)
  })

  it('is preceded on no stream by a ping that would confirm it unseen', () => {
    const { session, core, time } = fixture()
    const a = session()
    time.now += 500
    core.tick()
    void core.purge({ all: true })
    time.now += 500
    core.tick()
    expect(a.lines).toEqual([{ seq: 0 }, { seq: 1, all: true }, { seq: 1 }])
  })
})

const PURGES: Record<string, PurgeBody> = {
  k: { keys: ['k'] },
  l: { keys: ['l'] },
  tag: { tags: ['tag'] },
  url: { tags: [URL_TAG] },
  all: { all: true },
}

/** Random histories against what was promised. Gateways and clock are the generator's; the origin's value is a counter. */
describe('whatever happens', () => {
  const who = fc.nat({ max: 2 })
  const key = fc.constantFrom('k', 'l')
  const acts = fc.array(
    fc.oneof(
      fc.tuple(fc.constant('ask' as const), who, key),
      fc.tuple(fc.constant('fill' as const), fc.nat(), fc.constant('')),
      fc.tuple(fc.constant('surrender' as const), fc.nat(), fc.constantFrom('failed', 'uncacheable', 'abandoned')),
      fc.tuple(fc.constant('leave' as const), fc.nat(), fc.constant('')),
      fc.tuple(fc.constant('purge' as const), fc.constant(0), fc.constantFrom('k', 'l', 'tag', 'url', 'all')),
      fc.tuple(fc.constant('confirm' as const), who, fc.constant('')),
      fc.tuple(fc.constant('close' as const), who, fc.constant('')),
      fc.tuple(fc.constant('wait' as const), fc.integer({ min: 1, max: 1200 }), fc.constant('')),
    ),
    { maxLength: 80 },
  )

  it('one lease stands for a key, no fill is stored that a purge overtook, no waiter is forgotten', () => {
    const property = fc.property(acts, (history) => {
      const { core, session, asker, stored, time } = fixture()
      const gateways = [session(), session(), session()]
      type Party = ReturnType<typeof asker> & { key: string; read: number; token?: string; left?: boolean }
      const parties: Party[] = []
      let version = 0
      let purged = 0
      const tokenOf = (party: Party) => {
        const last = party.told.at(-1)
        return last?.outcome === 'lease' ? last.token : party.token
      }
      // A holder reads the origin at the moment of its grant: the oldest value that its fill can have.
      const note = () => {
        for (const party of parties) {
          const token = tokenOf(party)
          if (token !== party.token && token !== undefined) Object.assign(party, { token, read: version })
        }
      }
      const run: Record<string, (n: number, what: string) => void> = {
        ask(n, what) {
          const party: Party = Object.assign(asker(gateways[n] as { id: string }, URL_TAG), {
            key: what,
            read: version,
          })
          const verdict = core.ask(digest(what), party.self)
          if (verdict === 'gone' || verdict.name === 'pass') return
          if (verdict.name === 'hit') {
            expect(Number(verdict.entry.sealed.body.toString())).toBeGreaterThanOrEqual(purged)
            return
          }
          if (verdict.name === 'lease') party.token = verdict.token
          parties.push(party)
        },
        fill(n) {
          const party = parties.filter(({ token }) => token)[
            n % Math.max(1, parties.filter(({ token }) => token).length)
          ]
          if (!party?.token) return
          const accepted = core.fill(
            digest(party.key),
            party.token,
            stored(party.key, [URL_TAG, 'tag'], `${party.read}`),
          )
          if (accepted) expect(party.read).toBeGreaterThanOrEqual(purged)
        },
        surrender(n, what) {
          const party = parties[n % Math.max(1, parties.length)]
          if (!party?.token) return
          const why = { reason: what, status: 502, error: 'x' } as Parameters<typeof core.surrender>[2]
          core.surrender(digest(party.key), party.token, why)
        },
        leave(n) {
          const party = parties[n % Math.max(1, parties.length)]
          if (!party) return
          party.left = true
          core.leave(digest(party.key), party.self)
        },
        purge(_, what) {
          // Every purge follows a write of everything; those that name both keys' entries bound what may be served.
          version++
          const body = PURGES[what] as PurgeBody
          void core.purge(body)
          if (!('keys' in body)) purged = version
        },
        confirm: (n) => void core.confirm((gateways[n] as { id: string }).id, core.seq),
        close(n) {
          core.close((gateways[n] as { id: string }).id)
          gateways[n] = session()
        },
        wait(ms) {
          time.now += ms
          core.tick()
        },
      }
      for (const [what, n, rest] of history) {
        run[what]?.(n, rest)
        note()
        for (const key of ['k', 'l']) {
          // Tried, not looked up: a token stands if it can still be abandoned while somebody waits, or would be refused.
          const held = parties.filter((party) => party.key === key && party.token && !party.ended && !party.left)
          expect(held.length).toBeLessThanOrEqual(1)
          const waits = parties.filter(
            (party) => party.key === key && !party.token && !party.told.length && !party.ended && !party.left,
          )
          if (waits.length > 0) expect(held.length).toBe(1)
          expect(core.counts.waiting).toBeGreaterThanOrEqual(waits.length)
        }
      }
    })
    fc.assert(property, { numRuns: 1000 })
  })
})
