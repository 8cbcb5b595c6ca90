import { describe, expect, it } from 'vitest'
import { Load } from './load.ts'

describe('Load', () => {
  it('tells requests in flight and no latency before the first answer', () => {
    const load = new Load()
    load.inFlight = 3
    expect(load.header).toBe('inflight=3, latency=0.00')
  })

  it('tells the median, so that one slow answer does not count', () => {
    const load = new Load()
    for (const ms of [1, 2, 3, 4, 5, 6, 900]) load.record(ms)
    expect(load.medianLatency).toBe(4)
  })

  it('forgets all but the last 64 answers', () => {
    const load = new Load()
    for (let n = 0; n < 64; n++) load.record(100)
    for (let n = 0; n < 64; n++) load.record(2)
    expect(load.header).toBe('inflight=0, latency=2.00')
  })

  it('is at most 15 answers behind', () => {
    const load = new Load()
    for (let n = 0; n < 64; n++) load.record(100)
    expect(load.medianLatency).toBe(100)
    for (let n = 0; n < 48; n++) load.record(1)
    expect(load.medianLatency).toBe(1)
  })
})
