/** The client against the service: what readers at one and at several gateways get. */
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
  return { service, clients: clients as [(typeof clients)[0] & object, ...typeof clients], stats }
}

describe('a miss', () => {
  it('is filled once, then hit in L1 here and in L2 elsewhere', async () => {
    const { clients } = await cluster(2)
    const [a, b] = clients as [(typeof clients)[0], (typeof clients)[0]]
    const first = await a.read('k', url('k'), async () => cacheable('k', 'one'), never)
    expect(first).toMatchObject({ outcome: 'filled', collapsed: false, stored: true })
    expect(await a.read('k', url('k'), unwanted, never)).toMatchObject({ outcome: 'hit', tier: 'l1' })
    const elsewhere = await b.read('k', url('k'), unwanted, never)
    expect(elsewhere).toMatchObject({ outcome: 'hit', tier: 'l2' })
    expect(bodyOf(elsewhere)).toBe('one')
    expect(b.peek('k')?.body.toString()).toBe('one')
    expect(a.counters).toMatchObject({ l1Hits: 1, leases: 1 })
    expect(b.counters).toMatchObject({ l2Hits: 1, leases: 0 })
  })

  it('of 200 readers over three clients is filled once', async () => {
    const { clients } = await cluster(3)
    let fills = 0
    const readings = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        (clients[n % 3] as (typeof clients)[0]).read(
          'k',
          url('k'),
          async () => {
            fills++
            await new Promise((resolve) => setImmediate(resolve))
            return cacheable('k', 'one')
          },
          never,
        ),
      ),
    )
    expect(fills).toBe(1)
    expect(new Set(readings.map(bodyOf))).toEqual(new Set(['one']))
    expect(readings.filter((reading) => reading.outcome === 'filled' && !reading.collapsed)).toHaveLength(1)
  })
})
