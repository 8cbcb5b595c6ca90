/** The client against the service, where what is stored is stale: who gets it, and what comes of it. */
import { type Entry, type Fill, freshOnly, type Windows } from '@spillway/cache-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bodyOf, entry, heldFill, never, until, unwanted, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

const URL_TAG = 'url:k'
/** Of entries that are 20 s old as they are stored. */
const WINDOWS: Windows = {
  fresh: 10_000,
  whileRevalidate: 60_000,
  ifError: 60_000,
  ifAsked: 60_000,
  keep: 60_000,
}
const LATE: Windows = { ...WINDOWS, whileRevalidate: 10_000 }

const cacheable = (body: string, windows: Windows = freshOnly(60_000), ageMs = 0) =>
  ({ outcome: 'cacheable', entry: entry('k', body, { windows, ageMs }) }) as const

/** Two gateways; the first has filled `k`. */
async function cluster(windows: Windows, ageMs = 20_000) {
  const service = await world.service()
  const [a, b] = [await world.client(service.url), await world.client(service.url)]
  const stats = async () => (await (await fetch(`${service.url}/stats`)).json()) as Record<string, number>
  await a.read('k', URL_TAG, async () => cacheable('old', windows, ageMs), never)
  return { a, b, stats, held: () => a.peek('k') as Entry }
}

describe('while it may be used meanwhile', () => {
  it('is served at once at both gateways, and filled anew once, with what was there before', async () => {
    const { a, b } = await cluster(WINDOWS)
    const filling = heldFill()
    let before: Entry | undefined
    const fill: Fill = (signal, stale) => {
      before = stale
      return filling.fill(signal)
    }
    const readings = [await a.read('k', URL_TAG, fill, never), await b.read('k', URL_TAG, unwanted, never)]
    expect(readings).toMatchObject([{ outcome: 'stale' }, { outcome: 'stale', tier: 'l2' }])
    expect(readings.map(bodyOf)).toEqual(['old', 'old'])
    expect(before?.body.toString()).toBe('old')
    expect(await a.read('k', URL_TAG, unwanted, never)).toMatchObject({ outcome: 'stale' })
    filling.end(cacheable('new'))
    await until(() => a.peek('k')?.body.toString() === 'new')
    expect(await b.read('k', URL_TAG, unwanted, never).then(bodyOf)).toBe('new')
    expect(filling.counts.runs).toBe(1)
  })

  it('a purge that was applied ends that at both', async () => {
    const { a, b } = await cluster(WINDOWS)
    const filling = heldFill()
    await a.read('k', URL_TAG, filling.fill, never)
    await b.read('k', URL_TAG, unwanted, never)
    await b.purge({ tags: [URL_TAG] })
    expect([a.peek('k'), b.peek('k')]).toEqual([undefined, undefined])
    const anew = await Promise.all([a, b].map((each) => each.read('k', URL_TAG, async () => cacheable('new'), never)))
    expect(anew.map(bodyOf)).toEqual(['new', 'new'])
    filling.end(cacheable('overtaken'))
    expect(await a.read('k', URL_TAG, unwanted, never).then(bodyOf)).toBe('new')
  })
})

describe('where the fill fails', () => {
  it('those who waited for it at either gateway have what was there before', async () => {
    const { a, b, stats } = await cluster(LATE)
    const filling = heldFill()
    const first = a.read('k', URL_TAG, filling.fill, never)
    await filling.started
    const second = b.read('k', URL_TAG, unwanted, never)
    await until(async () => (await stats())['waiting'] === 1)
    filling.end({ outcome: 'failed', status: 503, error: 'destination_unavailable' })
    for (const reading of await Promise.all([first, second])) {
      expect(reading).toMatchObject({ outcome: 'failed', status: 503 })
      expect(reading.outcome === 'failed' && reading.stale?.body.toString()).toBe('old')
    }
  })

  it('who is granted the lease of another who is gone has it to revalidate', async () => {
    const { a, b, stats } = await cluster(LATE)
    const { promise: started, resolve } = Promise.withResolvers<void>()
    const stuck: Fill = () => {
      resolve()
      return new Promise(() => {})
    }
    a.read('k', URL_TAG, stuck, never).catch(() => {})
    await started
    const second = b.read('k', URL_TAG, async (_, stale) => cacheable(`after ${stale?.body}`), never)
    await until(async () => (await stats())['waiting'] === 1)
    await a.close()
    expect(await second.then(bodyOf)).toBe('after old')
  })
})

describe('a refresh', () => {
  it('fills anew what is fresh, once for both gateways, and brings it to both', async () => {
    const { a, b, stats } = await cluster(freshOnly(60_000), 5000)
    await b.read('k', URL_TAG, unwanted, never)
    const filling = heldFill()
    a.refresh('k', URL_TAG, filling.fill, a.peek('k') as Entry)
    a.refresh('k', URL_TAG, unwanted, a.peek('k') as Entry)
    await filling.started
    b.refresh('k', URL_TAG, unwanted, b.peek('k') as Entry)
    await until(async () => (await stats())['waiting'] === 1)
    expect(b.peek('k')?.body.toString()).toBe('old')
    filling.end(cacheable('new'))
    await until(() => [a, b].every((each) => each.peek('k')?.body.toString() === 'new'))
  })

  it('takes what another gateway has refreshed already', async () => {
    const { a, b, held } = await cluster(freshOnly(60_000), 5000)
    await b.read('k', URL_TAG, unwanted, never)
    a.refresh('k', URL_TAG, async () => cacheable('new'), held())
    await until(() => a.peek('k')?.body.toString() === 'new')
    b.refresh('k', URL_TAG, unwanted, b.peek('k') as Entry)
    await until(() => b.peek('k')?.body.toString() === 'new')
  })

  it('that has failed is not tried again at once', async () => {
    const { a, held } = await cluster(WINDOWS)
    let runs = 0
    const failing: Fill = async () => {
      runs++
      return { outcome: 'failed', status: 503, error: 'destination_unavailable' }
    }
    a.refresh('k', URL_TAG, failing, held())
    await until(() => runs === 1)
    await a.read('k', URL_TAG, failing, never, held())
    a.refresh('k', URL_TAG, unwanted, held())
    expect(a.peek('k')?.body.toString()).toBe('old')
  })

  it('that brings what may not be shared takes away what was stored', async () => {
    const { a, b, held } = await cluster(freshOnly(60_000), 5000)
    a.refresh('k', URL_TAG, async () => ({ outcome: 'uncacheable' }), held())
    await until(() => a.peek('k') === undefined)
    expect(await b.read('k', URL_TAG, unwanted, never)).toEqual({ outcome: 'pass' })
    expect(b.peek('k')).toBe(undefined)
  })
})

it('a soft purge makes stale at every gateway, and drops nothing', async () => {
  const { a, b } = await cluster({ ...WINDOWS, fresh: 50_000 })
  await b.read('k', URL_TAG, unwanted, never)
  await a.purge({ tags: [URL_TAG], soft: true })
  for (const each of [a, b]) expect(each.peek('k')?.ageMs).toBeGreaterThanOrEqual(50_000)
  expect(await b.read('k', URL_TAG, async () => cacheable('new'), never)).toMatchObject({ outcome: 'stale' })
  await until(() => b.peek('k')?.body.toString() === 'new')
})
