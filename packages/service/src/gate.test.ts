import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Entry, Gate } from './gate.ts'

const stays = new AbortController().signal
const order = async (entries: Promise<string>[]) => {
  const came: number[] = []
  await Promise.all(entries.map(async (entry, index) => (await entry) === 'entered' && came.push(index)))
  return came
}

describe('Gate', () => {
  it('lets in as many as it may, then those in line, first come, first served', async () => {
    const gate = new Gate({ running: 2, waiting: 2 })
    expect(await Promise.all([gate.enter(stays), gate.enter(stays)])).toEqual(['entered', 'entered'])
    const line = [gate.enter(stays), gate.enter(stays)]
    expect(gate.waiting).toBe(2)
    expect(await gate.enter(stays)).toBe('full')
    gate.leave()
    gate.leave()
    expect(await order(line)).toEqual([0, 1])
    expect(gate.waiting).toBe(0)
  })

  it('forgets whoever leaves the line, and gives the place to the next', async () => {
    const gate = new Gate({ running: 1, waiting: 2 })
    await gate.enter(stays)
    const leaving = new AbortController()
    const [first, second] = [gate.enter(leaving.signal), gate.enter(stays)]
    leaving.abort()
    expect(await first).toBe('left')
    expect(gate.waiting).toBe(1)
    gate.leave()
    expect(await second).toBe('entered')
  })

  it('does not let in whoever has left already', async () => {
    const gate = new Gate({ running: 1, waiting: 1 })
    expect(await gate.enter(AbortSignal.abort())).toBe('left')
    expect(await gate.enter(stays)).toBe('entered')
  })

  it('keeps the place of whoever left after his turn had come', async () => {
    const gate = new Gate({ running: 1, waiting: 1 })
    await gate.enter(stays)
    const leaving = new AbortController()
    const entry = gate.enter(leaving.signal)
    gate.leave()
    leaving.abort()
    expect(await entry).toBe('entered')
    gate.leave()
    expect(await gate.enter(stays)).toBe('entered')
  })

  it('opens fully again after everybody has left', async () => {
    const gate = new Gate({ running: 2, waiting: 0 })
    for (let round = 0; round < 3; round++) {
      expect(await Promise.all([gate.enter(stays), gate.enter(stays), gate.enter(stays)])).toEqual([
        'entered',
        'entered',
        'full',
      ])
      gate.leave()
      gate.leave()
    }
  })
})

describe('a gate with lines', () => {
  /** Everybody who came, in virtual time; what became of each, in order. */
  function world(limits: { running: number; waiting: number }) {
    let now = 0
    const settled: { who: string; entry: Entry; at: number }[] = []
    const gate = new Gate(limits, () => now)
    return {
      gate,
      settled,
      now: () => now,
      wait: (ms: number) => {
        now += ms
      },
      async come(who: string, deadlineAt = Number.POSITIVE_INFINITY, signal: AbortSignal = stays) {
        void gate.enter(signal, { as: who, deadlineAt }).then((entry) => settled.push({ who, entry, at: now }))
        await soon()
      },
      async leave() {
        gate.leave()
        await soon()
      },
      turns: () => settled.filter(({ entry }) => entry === 'entered').map(({ who }) => who),
    }
  }
  /** Until all that is decided has been told. */
  const soon = async () => {
    for (let tick = 0; tick < 5; tick++) await null
  }

  it('gives one user’s only request the next turn but one, whatever flood another sent', async () => {
    const { come, leave, turns } = world({ running: 1, waiting: 1024 })
    for (let n = 0; n < 1_000; n++) await come('flood')
    await come('ada')
    for (let n = 0; n < 2; n++) await leave()
    expect(turns()).toEqual(['flood', 'flood', 'ada'])
  })

  it('makes room for whoever has fewer in line, and never for the one who has the most', async () => {
    const { come, settled, gate } = world({ running: 1, waiting: 4 })
    for (let n = 0; n < 6; n++) await come('flood')
    expect(settled.map(({ entry }) => entry)).toEqual(['entered', 'full'])
    for (const who of ['ada', 'bob', 'ada', 'flood', 'cyd']) await come(who)
    expect(settled.slice(2).map(({ who, entry }) => `${who} ${entry}`)).toEqual([
      'flood full',
      'flood full',
      'ada full',
      'flood full',
      // Now cyd’s came in its place.
      'flood full',
    ])
    expect(gate.waiting).toBe(4)
  })

  it('refuses at once whose turn would come too late, by the pace of late', async () => {
    const { come, leave, wait, settled } = world({ running: 1, waiting: 1024 })
    for (let n = 0; n < 200; n++) await come('flood')
    for (let n = 0; n < 100; n++) {
      wait(100)
      await leave()
    }
    await come('flood', 10_000 + 5_000)
    expect(settled.at(-1)).toMatchObject({ entry: 'late' })
    // The same user later than that, or another one now, gets there.
    await come('flood', 10_000 + 11_000)
    await come('ada', 10_000 + 500)
    for (let n = 0; n < 2; n++) {
      wait(100)
      await leave()
    }
    expect(settled.at(-1)).toMatchObject({ who: 'ada', entry: 'entered', at: 10_200 })
  })

  it('does not learn from one slow hour that nobody may wait', async () => {
    const { come, leave, wait, settled, now } = world({ running: 1, waiting: 4 })
    await come('ada')
    await come('ada')
    wait(3_600_000)
    await leave()
    for (let n = 0; n < 100; n++) {
      await come('ada', now() + 1_000)
      wait(10)
      await leave()
    }
    expect(settled.every(({ entry }) => entry === 'entered')).toBe(true)
  })

  it('keeps its promises whatever happens', async () => {
    type World = ReturnType<typeof world> & { leavers: AbortController[] }
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc
          .tuple(
            fc.constantFrom('a', 'b', 'c', 'd'),
            fc.option(fc.nat({ max: 300 }), { nil: Number.POSITIVE_INFINITY }),
          )
          .map(([who, within]) => async ({ come, now, leavers }: World) => {
            const leaver = new AbortController()
            leavers.push(leaver)
            await come(who, now() + within, leaver.signal)
          }),
      },
      { weight: 3, arbitrary: fc.constant(async ({ gate, leave }: World) => gate.running > 0 && (await leave())) },
      {
        weight: 1,
        arbitrary: fc.nat().map(
          (n) =>
            async ({ leavers }: World) =>
              leavers.at(n % leavers.length)?.abort(),
        ),
      },
      {
        weight: 2,
        arbitrary: fc.nat({ max: 100 }).map(
          (ms) =>
            async ({ wait }: World) =>
              wait(ms),
        ),
      },
    )
    const limits = fc.record({ running: fc.integer({ min: 1, max: 3 }), waiting: fc.nat({ max: 6 }) })
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 120 }), async (bounds, steps) => {
        const here = { ...world(bounds), leavers: [] }
        const { gate, leave, settled, leavers } = here
        for (const each of steps) {
          await each(here)
          await soon()
          expect(gate.running).toBeLessThanOrEqual(bounds.running)
          expect(gate.waiting).toBeLessThanOrEqual(bounds.waiting)
          // Nobody waits beside a free place, and whoever came is at work, in line or answered.
          expect(gate.waiting === 0 || gate.running === bounds.running).toBe(true)
          expect(settled.length + gate.waiting).toBe(leavers.length)
        }
        while (gate.running > 0) await leave()
        expect(settled).toHaveLength(leavers.length)
      }),
      { numRuns: 300 },
    )
  })

  it('lets nobody have two turns while another waits for his first', async () => {
    const users = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 2, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(users, fc.integer({ min: 1, max: 3 }), async (arrivals, running) => {
        const { gate, come, leave, turns } = world({ running, waiting: 1024 })
        for (let n = 0; n < running; n++) await come('before')
        for (const who of arrivals) await come(who)
        while (gate.waiting > 0) await leave()
        // Everybody is there from the beginning: a user's nth turn is in the nth round.
        const rounds = (order: readonly string[]) =>
          order.map((who, at) => order.slice(0, at).filter((other) => other === who).length)
        const order = turns().slice(running)
        expect(order.toSorted()).toEqual(arrivals.toSorted())
        expect(rounds(order)).toEqual(rounds(arrivals).toSorted((a, b) => a - b))
      }),
    )
  })

  it('serves nobody whose deadline has passed', async () => {
    const { come, leave, wait, settled } = world({ running: 1, waiting: 4 })
    await come('ada')
    await come('bob', 50)
    await come('cyd', 500)
    wait(100)
    await leave()
    expect(settled.slice(1)).toEqual([
      { who: 'bob', entry: 'left', at: 100 },
      { who: 'cyd', entry: 'entered', at: 100 },
    ])
  })
})
