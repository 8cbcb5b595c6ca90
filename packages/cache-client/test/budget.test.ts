/** What gateways are lent of a shared budget, over every store that keeps one. */
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ask, type CacheClient, Ledger } from '../src/index.ts'
import { clientOf, kinds, type Store } from './stores.ts'

/** So slowly that nothing comes back during a test. */
const SLOW_MS = 1_000_000

describe.each(kinds)('the budget over $name', ({ start }) => {
  let store: Store
  let a: CacheClient
  let b: CacheClient
  let tests = 0

  beforeAll(async () => {
    store = await start()
    a = await clientOf(store.url)
    b = await clientOf(store.url)
  })
  afterAll(async () => {
    await Promise.all([a, b].map((client) => client.close()))
    await store.close()
  })

  const ask = (rest: Partial<Ask> = {}): Ask => ({
    key: `key ${tests}`,
    intervalMs: SLOW_MS,
    burst: 10,
    want: 1,
    spent: 0,
    ...rest,
  })
  const lend = async (client: CacheClient, rest: Partial<Ask> = {}) =>
    (await client.budget.borrow([ask(rest)])).grants[0]

  it('is one for all gateways: so much at once, and no more', async () => {
    tests++
    expect(await lend(a, { want: 6 })).toEqual({ granted: 6, left: 4, waitMs: 0 })
    const rest = await lend(b, { want: 6 })
    expect(rest).toMatchObject({ granted: 4, left: 0 })
    expect(rest?.waitMs).toBeGreaterThan(SLOW_MS - 10_000)
    expect(rest?.waitMs).toBeLessThanOrEqual(SLOW_MS)
    expect(await lend(a)).toMatchObject({ granted: 0, left: 0 })
  })

  it('comes back with time, after as long as it says', async () => {
    tests++
    expect(await lend(a, { intervalMs: 100, burst: 2, want: 2 })).toMatchObject({ granted: 2, left: 0 })
    const { waitMs = 0 } = (await lend(b, { intervalMs: 100, burst: 2, want: 0 })) ?? {}
    await delay(waitMs + 5)
    expect(await lend(b, { intervalMs: 100, burst: 2 })).toMatchObject({ granted: 1 })
  })

  it('is whole again where it is not asked for', async () => {
    tests++
    await lend(a, { intervalMs: 5, burst: 10, want: 10 })
    await delay(70)
    expect(await lend(b, { intervalMs: 5, burst: 10, want: 10 })).toMatchObject({ granted: 10 })
  })

  it('answers many asks at once, in their order, of one key one after the other', async () => {
    tests++
    const other = ask({ key: `other ${tests}`, burst: 3, want: 5 })
    const { grants } = await a.budget.borrow([ask({ want: 7 }), other, ask({ want: 7 })])
    expect(grants.map(({ granted, left }) => [granted, left])).toEqual([
      [7, 3],
      [3, 0],
      [3, 0],
    ])
  })

  it('says how many gateways share it', async () => {
    tests++
    await lend(a)
    expect((await b.budget.borrow([ask()])).gateways).toBe(2)
  })

  it('lends, takes back and is told of what was spent as the ledger does, in any order', async () => {
    const step = fc.record({
      want: fc.nat(12),
      spent: fc.integer({ min: -12, max: 12 }),
      key: fc.constantFrom('x', 'y', 'ключ "quoted"\n'),
      byA: fc.boolean(),
    })
    const alike = fc.asyncProperty(
      fc.array(step, { maxLength: 15 }),
      fc.integer({ min: 1, max: 10 }),
      async (steps, burst) => {
        tests++
        const ledger = new Ledger()
        for (const { byA, key, want, spent } of steps) {
          const asked = ask({ key: `${key} ${tests}`, burst, want, spent })
          const { granted, left } = ledger.lend(asked, 0)
          expect((await (byA ? a : b).budget.borrow([asked])).grants).toMatchObject([{ granted, left }])
        }
      },
    )
    await fc.assert(alike, { numRuns: 30 })
  })

  it('is refused in time where nobody answers', async () => {
    const other = await start()
    const client = await clientOf(other.url)
    await other.close()
    await expect(client.budget.borrow([ask()])).rejects.toThrow()
    await client.close()
  })
})
