/** Stale entries: who gets them, for what, and how they become so. */
import { digest, seal, type Windows } from '@spillway/cache-client'
import { TtlCache } from '@spillway/ttl-cache'
import { describe, expect, it } from 'vitest'
import { Coherence } from './coherence.ts'
import type { Asker, Decided, Stored } from './leases.ts'

const URL_TAG = 'http://db/k'
const HASH = digest('k')
/** Fresh for 10 s; used until 20 s while it is revalidated, until 30 s where the origin fails; kept for 40. */
const WINDOWS: Windows = {
  fresh: 10_000,
  whileRevalidate: 20_000,
  ifError: 30_000,
  ifAsked: 40_000,
  keep: 40_000,
}

/** A service that has stored `k`, of age 0, and one live session. */
function fixture(windows = WINDOWS) {
  const time = { now: 1 }
  const clock = () => time.now
  const store = new TtlCache<Stored>({ maxBytes: 1e6, clock })
  const core = new Coherence({ epoch: 'e', store, clock })
  const session = core.open({ send() {}, close() {} })
  const entry = (body: string): Stored => ({
    sealed: seal({
      ...{ key: 'k', status: 200, headers: [], body: Buffer.from(body) },
      ...{ windows, fillMs: 0, tags: [URL_TAG], vary: [] },
    }),
    ageMs: 0,
    at: time.now,
  })
  const asker = () => {
    const told: Decided[] = []
    const self: Asker = { session, url: digest(URL_TAG), tell: (decided) => void told.push(decided), end() {} }
    return { told, self }
  }
  const ask = (who = asker(), heldMs?: number) => core.ask(HASH, who.self, heldMs)
  const lease = (who = asker(), heldMs?: number) => {
    const verdict = ask(who, heldMs)
    if (verdict === 'gone' || verdict.name !== 'lease') throw new Error(`no lease: ${JSON.stringify(verdict)}`)
    return verdict
  }
  /** Lets time pass, with the session alive. */
  const later = (ms: number) => {
    for (let left = ms; left > 0; left -= 1000) {
      time.now += Math.min(left, 1000)
      core.confirm(session, core.seq)
    }
  }
  core.fill(HASH, lease().token, entry('old'))
  return { core, store, entry, asker, ask, lease, later }
}
const bodyOf = (stored: Stored | undefined) => stored?.sealed.body.toString()

describe('a stale entry', () => {
  it('goes with the lease to whoever is to revalidate it', () => {
    const { ask, lease, later } = fixture()
    later(9999)
    expect(ask()).toMatchObject({ name: 'hit' })
    later(1)
    expect(bodyOf(lease().stale)).toBe('old')
  })

  it('is a hit for others while it may be used meanwhile; then they wait', () => {
    const { ask, lease, later } = fixture()
    later(10_000)
    lease()
    later(9999)
    expect(ask()).toMatchObject({ name: 'hit', entry: { sealed: { key: 'k' } } })
    later(1)
    expect(ask()).toMatchObject({ name: 'wait' })
  })

  it('goes with the lease to the next who waits, where its holder is gone', () => {
    const { core, asker, ask, lease, later } = fixture()
    later(25_000)
    const [holder, waiter] = [asker(), asker()]
    lease(holder)
    ask(waiter)
    core.leave(HASH, holder.self)
    const [told] = waiter.told
    expect(told?.outcome === 'lease' && bodyOf(told.stale)).toBe('old')
  })

  it('follows a failure while it may be used where the origin fails', () => {
    for (const [age, stale] of [
      [29_000, 'old'],
      [31_000, undefined],
    ] as const) {
      const { core, asker, ask, lease, later } = fixture()
      later(age)
      const waiter = asker()
      const { token } = lease()
      ask(waiter)
      core.surrender(HASH, token, { reason: 'failed', status: 503, error: 'destination_unavailable' })
      const [told] = waiter.told
      expect(told).toMatchObject({ outcome: 'failed', status: 503 })
      expect(told?.outcome === 'failed' && bodyOf(told.stale)).toBe(stale)
    }
  })

  it('that is purged follows nothing, and goes with no lease', async () => {
    const { core, asker, ask, lease, later } = fixture()
    later(25_000)
    const [holder, waiter, next] = [asker(), asker(), asker()]
    lease(holder)
    ask(waiter)
    ask(next)
    void core.purge({ tags: [URL_TAG] })
    const [granted] = waiter.told
    if (granted?.outcome !== 'lease') throw new Error('no lease')
    expect(granted.stale).toBe(undefined)
    core.surrender(HASH, granted.token, { reason: 'failed', status: 503, error: 'destination_unavailable' })
    expect(next.told).toMatchObject([{ outcome: 'failed', stale: undefined }])
  })

  it('is gone once what came after it may not be shared', () => {
    const { core, lease, later, asker } = fixture()
    later(10_000)
    core.surrender(HASH, lease().token, { reason: 'uncacheable' })
    void core.purge({ keys: ['k'] })
    expect(core.ask(HASH, asker().self)).toMatchObject({ name: 'lease', stale: undefined })
  })

  it('is gone after its last window', () => {
    const { lease, later } = fixture()
    later(40_001)
    expect(lease().stale).toBe(undefined)
  })
})

describe('a younger one than the asker has', () => {
  it('is a hit where there is one; ages may differ by 1 s', () => {
    const { ask, later } = fixture()
    later(5000)
    expect(ask(undefined, 6001)).toMatchObject({ name: 'hit' })
  })

  it('is filled by him where there is none, and waited for by others', () => {
    const { ask, lease, later } = fixture()
    later(5000)
    expect(bodyOf(lease(undefined, 5500).stale)).toBe('old')
    expect(ask(undefined, 5500)).toMatchObject({ name: 'wait' })
    expect(ask()).toMatchObject({ name: 'hit' })
  })

  it('is waited for although the one he has may be used meanwhile', () => {
    const { ask, lease, later } = fixture()
    later(15_000)
    lease()
    expect(ask(undefined, 15_000)).toMatchObject({ name: 'wait' })
  })
})

describe('a soft purge', () => {
  it.each([{ keys: ['k'] }, { tags: [URL_TAG] }, { all: true } as const])('by %o makes it stale', (names) => {
    const { core, ask, lease, later } = fixture()
    later(1000)
    void core.purge({ ...names, soft: true })
    const { stale } = lease()
    expect(stale).toMatchObject({ ageMs: 10_000 })
    expect(ask()).toMatchObject({ name: 'hit' })
  })

  it('does not make younger what was stale, and keeps what began before it from being stored', () => {
    const { core, entry, lease, later } = fixture()
    later(15_000)
    const { token } = lease()
    void core.purge({ tags: [URL_TAG], soft: true })
    expect(core.fill(HASH, token, entry('overtaken'))).toBe(false)
    expect(lease().stale?.ageMs).toBe(15_000)
  })

  it.each([{ tags: [URL_TAG] }, { all: true } as const])('by %o touches none of all that it makes stale', (names) => {
    const { core, store, entry, lease, later } = fixture()
    let touched = 0
    const { sealed, ...rest } = entry('one of many')
    const counting = {
      ...sealed,
      get windows() {
        touched++
        return WINDOWS
      },
    }
    for (let n = 0; n < 50; n++)
      store.set(`hash ${n}`, { sealed: counting, ...rest }, { ttlMs: 1e6, bytes: 1, tags: [URL_TAG] })
    void core.purge({ ...names, soft: true })
    expect(touched).toBe(0)
    later(1000)
    while (store.sweep());
    expect(touched).toBe(50)
    expect(lease().stale).toMatchObject({ ageMs: 10_000, at: 1 })
  })
})
