import { describe, expect, it } from 'vitest'
import { bench, truthful } from '../../test/sample.ts'
import { findings } from './findings.ts'

describe('findings', () => {
  it('tells for each shape what replication and caching did, with rates, times and factors', () => {
    expect(findings(bench())).toEqual([
      'Replication, users who think: with every answer missed, three gateways instead of one: 262 requests a second became 624 requests a second, 2.38 times as many; an answer took 82 ms on average, after 2,200 ms, 26.8 times shorter.',
      'Caching, users who think: with three gateways, answers from the cache instead of the origin: 624 requests a second became 640 requests a second, about the same; an answer took 2 ms on average, after 82 ms, 41 times shorter.',
      expect.stringMatching(
        /^Replication, connections that never wait: .*264 requests.*became 750.*2\.84 times as many/,
      ),
      expect.stringMatching(/^Caching, connections that never wait: .*5\.33 times as many.*5\.31 times shorter/),
    ])
  })

  it('says so where replication made it worse', () => {
    const rows = bench()
    const [one] = rows
    if (one) one.load.latency.average = 41
    expect(findings(rows)[0]).toMatch(/82 ms on average, after 41 ms, 2 times longer/)
  })

  it('shows nothing by rows that are invalid or inconclusive, but what was seen', () => {
    const rows = bench()
    for (const row of rows) {
      if (row.name === 'test3-miss') row.served.busy = 1
      if (row.name === 'test1-miss') row.load.wrongBodies = 1
    }
    expect(findings(rows)[0]).toMatch(
      /^Replication, users who think: not shown, for test1-miss is invalid and test3-miss is inconclusive\. What was seen, /,
    )
    expect(findings(rows)[1]).toMatch(/not shown, for test3-miss is inconclusive/)
  })

  it('names the row that is missing or was not run', () => {
    const notRun = { name: 'test3-hit', shape: 'users', notRun: 'it needs k6' } as const
    expect(findings([truthful(), notRun])).toEqual([
      'Replication, users who think: not shown, for test1-miss is missing.',
      'Caching, users who think: not shown, for test3-hit was not run.',
    ])
  })

  it('compares nothing where there is nothing to compare, nor divides by nothing', () => {
    expect(findings([truthful({ gateways: 5 })])).toEqual([])
    const rows = bench()
    for (const { load } of rows)
      Object.assign(load, { requests: 0, duration: 0, latency: { ...load.latency, average: 0 } })
    expect(findings(rows).join()).not.toMatch(/NaN|Infinity|undefined/)
  })
})
