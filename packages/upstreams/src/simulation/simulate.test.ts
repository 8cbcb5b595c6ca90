import { expect, it } from 'vitest'
import { p2cEwma } from '../policies/p2c-ewma.ts'
import { random } from '../policies/random.ts'
import { roundRobin } from '../policies/round-robin.ts'
import { exponential, percentile } from './chance.ts'
import { simulate } from './simulate.ts'

it('queues as theory says: one server at 80 % takes five times the work itself (M/M/1)', () => {
  const servers = [{ concurrency: 1, serviceMs: exponential(10) }]
  const { latencyMs } = simulate({ policy: roundRobin, servers, perSecond: 80, requests: 200_000, seed: 1 })
  const mean = latencyMs.reduce((sum, ms) => sum + ms) / latencyMs.length
  expect(mean).toBeGreaterThan(45)
  expect(mean).toBeLessThan(55)
})

it('repeats a run by its seed', () => {
  const servers = Array.from({ length: 5 }, () => ({ concurrency: 4, serviceMs: exponential(20) }))
  const simulation = { policy: random, servers, balancers: 3, perSecond: 500, requests: 2000 }
  expect(simulate({ ...simulation, seed: 4 })).toEqual(simulate({ ...simulation, seed: 4 }))
  expect(simulate({ ...simulation, seed: 4 })).not.toEqual(simulate({ ...simulation, seed: 5 }))
})

it('sends nothing to a server before it joins', () => {
  const servers = [0, 1000].map((joinsAt) => ({ concurrency: 1, serviceMs: () => 1, joinsAt }))
  const { sentAt, server } = simulate({ policy: roundRobin, servers, perSecond: 100, requests: 400, seed: 2 })
  const joined = sentAt.findIndex((at) => at >= 1000)
  expect(server.subarray(0, joined).includes(1)).toBe(false)
  expect(server.subarray(joined, joined + 10).includes(1)).toBe(true)
})

it('counts how many a server has in flight', () => {
  const servers = [{ concurrency: 1, serviceMs: () => 1e9 }]
  const { inFlight } = simulate({ policy: roundRobin, servers, perSecond: 100, requests: 5, seed: 2 })
  expect([...inFlight]).toEqual([1, 2, 3, 4, 5])
})

it('does no work while a server stalls, and all of it afterwards', () => {
  const servers = [{ concurrency: 1, serviceMs: () => 0.01, stalls: { every: 1000, lasts: 100 } }]
  const { sentAt, latencyMs } = simulate({ policy: roundRobin, servers, perSecond: 1000, requests: 5000, seed: 2 })
  for (const [at, sent] of sentAt.entries()) {
    const end = sent + (latencyMs[at] as number)
    if (sent % 1000 >= 900) expect(Math.floor(end / 1000)).toBe(Math.floor(sent / 1000) + 1)
    else expect(end % 1000).toBeLessThan(900.01)
  }
  expect(percentile(latencyMs, 1)).toBeGreaterThan(99)
})

it('gives a server in slow start a tenth of its weight, and all of it in the end', () => {
  const servers = [0, 1000].map((joinsAt) => ({ concurrency: 1, serviceMs: () => 1, joinsAt, slowStart: joinsAt > 0 }))
  const { server } = simulate({ policy: roundRobin, servers, perSecond: 100, requests: 4000, seed: 2 })
  const share = (from: number) => server.subarray(from, from + 200).reduce((sum, at) => sum + at, 0) / 200
  expect(share(100)).toBeLessThan(0.2)
  expect(share(3700)).toBeCloseTo(0.5, 1)
})

it('gives a request up after its time, and counts that against the server', () => {
  const servers = [
    { concurrency: 100, serviceMs: () => 900 },
    { concurrency: 100, serviceMs: () => 10 },
  ]
  const run = simulate({ policy: p2cEwma, servers, perSecond: 50, requests: 500, timeout: 300, seed: 2 })
  expect(percentile(run.latencyMs, 1)).toBe(300)
  // Failed, it counts as slow as 5 s, and not as 300 ms.
  expect(run.server.subarray(50).filter((at) => at === 0)).toHaveLength(0)
})

it('stops at a policy that chooses nobody', () => {
  const servers = [{ concurrency: 1, serviceMs: () => 1 }]
  const policy = () => ({ choose: () => 1 })
  expect(() => simulate({ policy, servers, perSecond: 1, requests: 1, seed: 1 })).toThrow('chose 1 of 1')
})
