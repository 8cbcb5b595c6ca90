import { expect, it } from 'vitest'
import { Figures } from './figures.ts'
import type { Endpoint } from './routes/upstreams.ts'

/** With all that is looked at here. */
function endpoint(id: string, figures: Partial<Endpoint>): Endpoint {
  const idle = {
    condition: 'up',
    intent: 'active',
    requests: 0,
    failures: 0,
    inFlight: 0,
    latencyMs: undefined,
  } as const
  return { id, cluster: 'shop', origin: `http://${id}`, ...idle, ...figures } as Endpoint
}
const BOUNDS = [1, 2, 4]
/** `heads`: by origin, how many answers fell into each bucket. */
const shop = (endpoints: Endpoint[], heads: Record<string, number[]> = {}) => {
  const stats = Object.entries(heads).map(([origin, counts]) => ({
    origin,
    heads: { boundsMs: BOUNDS, counts },
  }))
  return new Map([['shop', { endpoints, stats }]])
}

it('tells what was counted since the last look, and what is in flight now', () => {
  const figures = new Figures()
  figures.take(
    shop([endpoint('a', { requests: 100, failures: 7 }), endpoint('b', { requests: 50, inFlight: 9 })], {
      a: [100, 0, 0, 0],
      b: [50, 0, 0, 0],
    }),
  )
  const now = shop(
    [
      endpoint('a', { requests: 130, failures: 9, inFlight: 2, latencyMs: 10 }),
      endpoint('b', { requests: 60, inFlight: 1, latencyMs: 2, condition: 'ejected' }),
    ],
    { a: [120, 10, 0, 0], b: [50, 0, 10, 0] },
  )
  expect(figures.take(now)).toMatchObject([
    {
      cluster: 'shop',
      requests: 40,
      failures: 2,
      inFlight: 3,
      p50Ms: 1,
      p99Ms: 3.92,
      endpoints: [
        { id: 'a', requests: 30, failures: 2, inFlight: 2, latencyMs: 10, condition: 'up' },
        { id: 'b', requests: 10, failures: 0, inFlight: 1, latencyMs: 2, condition: 'ejected' },
      ],
    },
  ])
  expect(figures.take(now)).toMatchObject([
    { requests: 0, failures: 0, inFlight: 3, p50Ms: undefined, p99Ms: undefined },
  ])
})

it('counts one that is new, or has left and come back, from nothing', () => {
  const figures = new Figures()
  figures.take(shop([endpoint('a', { requests: 100 })]))
  expect(figures.take(shop([endpoint('a', { requests: 3 }), endpoint('b', { requests: 4 })]))).toMatchObject([
    { requests: 7, endpoints: [{ requests: 3 }, { requests: 4 }] },
  ])
  expect(figures.take(shop([]))).toEqual([
    { cluster: 'shop', requests: 0, failures: 0, inFlight: 0, p50Ms: undefined, p99Ms: undefined, endpoints: [] },
  ])
  expect(figures.take(shop([endpoint('a', { requests: 5 })]))).toMatchObject([{ requests: 5 }])
})
