import { describe, expect, it } from 'vitest'
import type { OpenLoad } from '../measuring/processes/open-load.ts'
import { badRows } from './bad-rows.ts'
import type { BadSample } from './bad-upstreams.ts'

describe('a row of bad upstreams', () => {
  const LOAD: OpenLoad = {
    seconds: 10,
    requests: 1000,
    good: 990,
    failures: { 500: 9, ECONNRESET: 1 },
    from: {},
    p50: 5,
    p99: 20,
    p999: 40,
    max: 50,
    late: 1,
  }
  const bad = (contender: string, load: Partial<OpenLoad> = {}, more: Partial<BadSample> = {}): BadSample => ({
    ...{ fault: 'slow', contender, round: 1, share: 0.25, faults: [] },
    load: { ...LOAD, ...load },
    ...more,
  })

  it('has what clients saw of good answers, what failed, and the share of the bad upstream', () => {
    const [row] = badRows([bad('a'), bad('a', { p99: 30 }, { round: 2, share: 0.35 })], 'a')
    expect(row).toMatchObject({
      rate: { median: 99 },
      p99: { median: 25, min: 20, max: 30 },
      failed: { median: 0.01 },
      failures: { 500: 18, ECONNRESET: 2 },
      share: { min: 0.25, max: 0.35 },
      verdict: 'valid',
    })
  })

  it('is compared with round robin under the same fault', () => {
    const rows = badRows(
      [bad('round robin'), bad('ours', { p99: 4 }), bad('ours', { p99: 4 }, { fault: 'stalling' })],
      'round robin',
    )
    expect(rows.map(({ ratio }) => ratio)).toEqual([1, 0.2, undefined])
  })

  it('is doubtful where the client itself was late', () => {
    expect(badRows([bad('a', { late: 6 })], 'a')[0]?.verdict).toBe('doubtful')
  })

  it('is invalid where it could not be measured', () => {
    const [row] = badRows([{ fault: 'slow', contender: 'a', round: 1, faults: ['it was not ready'] }], 'a')
    expect(row).toMatchObject({ verdict: 'invalid', reasons: ['round 1: it was not ready'] })
    expect(row).not.toHaveProperty('ratio')
  })
})
