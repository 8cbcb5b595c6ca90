import { expect, it } from 'vitest'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'
import { exponential, percentile, simulate } from './simulate.ts'

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

it('stops at a policy that chooses nobody', () => {
  const servers = [{ concurrency: 1, serviceMs: () => 1 }]
  const policy = () => ({ choose: () => 1 })
  expect(() => simulate({ policy, servers, perSecond: 1, requests: 1, seed: 1 })).toThrow('chose 1 of 1')
})

it('takes the percentile by nearest rank', () => {
  expect([0, 0.5, 0.99, 1].map((share) => percentile([4, 1, 3, 2], share))).toEqual([1, 2, 4, 4])
})
