import { expect, it } from 'vitest'
import type { Entry, Fill } from './cache.ts'
import { Flight } from './flight.ts'
import type { Lease } from './lease.ts'
import type { Answer, Verdict } from './remote.ts'
import { Session } from './session.ts'
import { freshOnly } from './windows.ts'

const never = new AbortController().signal
const stale: Entry = {
  ...{
    key: 'k',
    status: 200,
    headers: [],
    body: Buffer.from('old'),
    ageMs: 5,
    at: 0,
    fillMs: 0,
    tags: ['t'],
    vary: [],
  },
  windows: { ...freshOnly(1), whileRevalidate: 10, keep: 10 },
}

/** A flight whose verdict, and fill, are the test's to give. */
async function flight() {
  const session = new Session(
    { session: 's', epoch: 'e', seq: 10 },
    { apply() {}, confirm: async () => 204, clock: () => 0 },
  )
  await session.confirm()
  const verdict = Promise.withResolvers<Verdict>()
  const filling = Promise.withResolvers<{ outcome: 'failed'; status: number; error: string }>()
  const l1: { entry?: Entry | undefined } = {}
  const its = new Flight('k', {
    ask: () => verdict.promise,
    held: () => l1.entry,
    ...{ keep() {}, drop() {}, failed() {}, mark() {}, retire() {}, clock: () => 0 },
  })
  const asked: (Entry | undefined)[] = []
  const fill: Fill = (_, before) => {
    asked.push(before)
    return filling.promise
  }
  const join = () => its.join(fill, never, undefined)
  const first = join()
  its.begin(session)
  const lease = { surrender: async () => 204 } as unknown as Lease
  const brings: Answer = { is: 'lease', seq: 10, lease, stale }
  const lead = async ({ seq = 10, answers = brings }: { seq?: number; answers?: Answer } = {}) => {
    verdict.resolve({ name: 'wait', seq, answer: Promise.resolve(answers) })
    while (asked.length === 0) await Promise.resolve()
  }
  const fail = () => filling.resolve({ outcome: 'failed', status: 503, error: 'destination_unavailable' })
  return { its, session, first, join, lead, fail, asked, l1, lease }
}

it('serves what came with its lease at once, to those who join later too', async () => {
  const { its, session, first, join, lead, asked } = await flight()
  await lead()
  expect(asked).toEqual([stale])
  expect(its.mayJoin(session)).toBe(true)
  for (const reading of [await first, await join()]) expect(reading).toMatchObject({ outcome: 'stale', entry: stale })
})

it('serves nothing that was purged between the verdict and the fill: who joins now may have come after that', async () => {
  const { its, session, first, join, lead, fail, asked } = await flight()
  session.take({ seq: 11, tags: ['t'] })
  await lead()
  expect(asked).toEqual([undefined])
  expect(its.mayJoin(session)).toBe(true)
  const late = join()
  fail()
  for (const reading of [await first, await late]) {
    expect(reading).toMatchObject({ outcome: 'failed', status: 503 })
    expect(reading).not.toHaveProperty('stale')
  }
})

it('lets nobody join once something that may be of it is purged', async () => {
  const { its, session, lead } = await flight()
  await lead()
  session.take({ seq: 11, tags: ['t'] })
  expect(its.mayJoin(session)).toBe(false)
})

it('revalidates, and serves meanwhile, what L1 has, where the lease came without it', async () => {
  const { first, lead, asked, l1, lease } = await flight()
  l1.entry = stale
  await lead({ answers: { is: 'lease', seq: 10, lease, stale: undefined } })
  expect(asked).toEqual([stale])
  expect(await first).toMatchObject({ outcome: 'stale', tier: 'l1' })
})

it('does neither where L1 has not heard of all that the service knew: a purge of it may be on its way', async () => {
  const lost: Answer = { is: 'nothing', why: 'the connection broke' }
  for (const answer of ['lease', 'nothing'] as const) {
    const { session, first, join, lead, fail, asked, l1, lease } = await flight()
    l1.entry = stale
    await lead({ seq: 12, answers: answer === 'lease' ? { is: 'lease', seq: 12, lease, stale: undefined } : lost })
    expect(asked).toEqual([undefined])
    session.take({ seq: 11, tags: ['t'] })
    l1.entry = undefined
    const late = join()
    fail()
    for (const reading of [await first, await late]) expect(reading).not.toHaveProperty('stale')
  }
})
