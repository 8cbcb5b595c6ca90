import { seeded } from '@spillway/upstreams/simulation'
import { describe, expect, it } from 'vitest'
import { drawn, type FaultsSource } from './faults.ts'

const faults: FaultsSource = { delay: { for: '200ms', share: 0.1 }, abort: { status: 503, share: 0.05 } }

describe('faults', () => {
  it('befall their share of requests, each by itself', () => {
    const random = seeded(1)
    const all = Array.from({ length: 100_000 }, () => drawn(faults, random))
    const share = (some: typeof all) => some.length / all.length
    expect(share(all.filter(({ delayMs }) => delayMs === 200))).toBeCloseTo(0.1, 2)
    expect(share(all.filter(({ status }) => status === 503))).toBeCloseTo(0.05, 2)
    expect(share(all.filter(({ delayMs, status }) => delayMs > 0 && status))).toBeCloseTo(0.005, 2)
  })

  it('are the same for the same chance', () => {
    const draw = (values: number[]) => drawn(faults, () => values.shift() as number)
    expect(draw([0.0999, 0.05])).toEqual({ delayMs: 200 })
    expect(draw([0.1, 0.0499])).toEqual({ delayMs: 0, status: 503 })
    expect(draw([0, 0])).toEqual({ delayMs: 200, status: 503 })
  })

  it('befall all or none at the ends, and draw for no kind that there is not', () => {
    const always = { for: '1s', share: 1 }
    expect(drawn({ delay: always }, () => 0.999_999)).toEqual({ delayMs: 1000 })
    expect(drawn({ delay: { ...always, share: 0 } }, () => 0)).toEqual({ delayMs: 0 })
    const never = () => {
      throw new Error('drawn')
    }
    expect(drawn({}, never)).toEqual({ delayMs: 0 })
  })
})
