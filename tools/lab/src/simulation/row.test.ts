import { policies } from '@spillway/upstreams/simulation'
import { describe, expect, it } from 'vitest'
import { charts } from './charts.ts'
import { type Case, measure } from './row.ts'
import { document } from './tables.ts'
import { simulationOf, worldNames } from './worlds.ts'

const of = (world: Case['world'], policy: keyof typeof policies = 'round-robin', balancers = 1) =>
  measure({ world, policy, endpoints: 10, balancers, seed: 3 }, policies[policy])

describe('a policy in a world', () => {
  it('is the same each time', () => {
    expect(of('equal-80', 'p2c-ewma', 10)).toEqual(of('equal-80', 'p2c-ewma', 10))
  })

  it('has even shares where turns are taken, by weight where there are weights', () => {
    for (const { fewest, most } of [of('equal-80'), of('weights')]) {
      expect(fewest).toBeGreaterThan(0.98)
      expect(most).toBeLessThan(1.02)
    }
  })

  it('counts as failed what fails, and nothing of it as an answer', () => {
    const { failed, odd, p50 } = of('failing')
    expect(failed).toBeCloseTo(0.1, 2)
    expect(odd).toBeCloseTo(1, 1)
    expect(p50).toBeGreaterThan(50)
  })

  it('counts as failed whoever waits for 15 s, and no longer', () => {
    const { failed, p99, p999 } = of('slow-one')
    expect(failed).toBeGreaterThan(0.05)
    expect([p99, p999]).toEqual([15_000, 15_000])
  })

  it('tells of a new endpoint what it had in its first second', () => {
    expect(of('new').odd).toBeGreaterThan(0.7)
    expect(of('new-slow-start').odd).toBeLessThan(0.2)
    expect(of('equal-80').odd).toBeUndefined()
  })

  it('feels a stall', () => {
    expect(of('stalling').p999).toBeGreaterThan(of('equal-50').p999 + 300)
  })
})

it('every world has as many endpoints as were asked for, and a stall in it if it is about one', () => {
  for (const world of worldNames) {
    for (const endpoints of [10, 100, 1000]) {
      const { servers, requests, perSecond } = simulationOf(world, { endpoints, balancers: 1 })
      expect(servers).toHaveLength(endpoints)
      for (const { stalls } of servers)
        if (stalls) expect(requests / perSecond).toBeGreaterThanOrEqual(stalls.every / 1000)
    }
  }
})

it('the report shows each row and each chart', () => {
  const rows = [of('equal-80'), of('equal-80', 'random'), of('new'), of('failing')]
  const shown = charts(rows)
  const report = document(rows, shown, 3)
  for (const { name, title } of shown) expect(report).toContain(`![${title}](${name}.svg)`)
  expect(report).toContain('## new: one endpoint is new, 50 % load')
  expect(report).toMatch(/^\| 1 \| random \| .*$/m)
  expect(shown.find(({ name }) => name === 'p99-10')?.description).toMatch(
    /^1 balancer\. round-robin: \d+ ms; random: /,
  )
})
