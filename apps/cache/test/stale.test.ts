/** The client against the service, where what is stored is stale; the rest of it is cache-client's conformance suite. */
import { type Entry, type Fill, freshOnly, type Windows } from '@spillway/cache-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bodyOf, entry, never, until, unwanted, World } from './world.ts'

let world: World
beforeEach(() => {
  world = new World()
})
afterEach(() => world.close())

const URL_TAG = 'url:k'
/** Of entries that are 20 s old as they are stored: of use only where the origin fails. */
const LATE: Windows = { ...freshOnly(10_000), ifError: 60_000, ifAsked: 60_000, keep: 60_000 }

const cacheable = (body: string, windows: Windows = freshOnly(60_000), ageMs = 0) =>
  ({ outcome: 'cacheable', entry: entry('k', body, { windows, ageMs }) }) as const

/** Two gateways; the first has filled `k`. */
async function cluster(windows: Windows, ageMs: number) {
  const service = await world.service()
  const [a, b] = [await world.client(service.url), await world.client(service.url)]
  const stats = async () => (await (await fetch(`${service.url}/stats`)).json()) as Record<string, number>
  await a.read('k', URL_TAG, async () => cacheable('old', windows, ageMs), never)
  await until(async () => (await stats())['leases'] === 0)
  return { a, b, stats, held: () => a.peek('k') as Entry }
}

it('who is granted the lease of another who is gone has what is stale to revalidate', async () => {
  const { a, b, stats } = await cluster(LATE, 20_000)
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

describe('a refresh', () => {
  it('takes what another gateway has refreshed already', async () => {
    const { a, b, held } = await cluster(freshOnly(60_000), 5000)
    await b.read('k', URL_TAG, unwanted, never)
    a.refresh('k', URL_TAG, async () => cacheable('new'), held())
    await until(() => a.peek('k')?.body.toString() === 'new')
    await until(async () => {
      b.refresh('k', URL_TAG, unwanted, b.peek('k') as Entry)
      return b.peek('k')?.body.toString() === 'new'
    })
  })

  it('that has failed is not tried again at once', async () => {
    const { a, held } = await cluster(LATE, 20_000)
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
})
