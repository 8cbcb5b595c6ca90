import { describe, expect, it } from 'vitest'
import { comparedRows } from './compared.ts'
import type { Sample } from './sample.ts'

interface Told {
  rate?: number
  busy?: number
  others?: number
  round?: number
  faults?: string[]
}

/** One second of a load. */
const sample = (contender: string, { rate = 1000, busy = 0.99, others = 0, round = 1, faults = [] }: Told = {}) =>
  ({
    case: 'GET',
    contender,
    round,
    load: { requests: rate, seconds: 1, bytes: 300 * rate, p50: 1, p99: rate / 100, failures: {} },
    cpu: 0.95,
    core: { busy, others },
    faults,
  }) satisfies Sample

const rowsOf = (...samples: Sample[]) => comparedRows(samples, ['peer'])

describe('a row', () => {
  it('is the median of all rounds, with their spread', () => {
    const [row] = rowsOf(...[900, 1100, 1000].map((rate, index) => sample('ours', { rate, round: index + 1 })))
    expect(row).toMatchObject({
      rate: { median: 1000, min: 900, max: 1100 },
      p99: { median: 10 },
      cpu: { median: 950 },
      verdict: 'valid',
    })
  })

  it('is limited where the contender had time left on its core', () => {
    expect(rowsOf(sample('ours', { busy: 0.89 }))[0]?.verdict).toBe('limited')
    expect(rowsOf(sample('ours', { busy: 0.9 }))[0]?.verdict).toBe('valid')
  })

  it('is disturbed where others used that core', () => {
    expect(rowsOf(sample('ours', { others: 0.06 }))[0]?.verdict).toBe('disturbed')
    expect(rowsOf(sample('ours', { others: 0.05 }))[0]?.verdict).toBe('valid')
  })

  it('goes by the contender’s own use where the system tells no more of its core', () => {
    const { core: _, ...untold } = sample('ours')
    expect(rowsOf(untold)[0]).toMatchObject({ busy: { median: 0.95 }, verdict: 'valid' })
    expect(rowsOf({ ...untold, cpu: 0.5 })[0]?.verdict).toBe('limited')
  })

  it('is invalid as a whole where one round is, and says which', () => {
    const [row] = rowsOf(sample('ours'), sample('ours', { round: 2, faults: ['3 x not 2xx or 3xx'] }))
    expect(row).toMatchObject({ verdict: 'invalid', reasons: ['round 2: 3 x not 2xx or 3xx'] })
  })

  it('stands although nothing could be measured', () => {
    const [row] = rowsOf({ case: 'GET', contender: 'ours', round: 1, faults: ['it ended with exit code 1'] })
    expect(row).toMatchObject({ verdict: 'invalid', failures: 0, rate: { median: Number.NaN } })
  })
})

describe('a ratio', () => {
  const ratio = (ours: Told, peer: Told) =>
    rowsOf(sample('peer', { rate: 2000, ...peer }), sample('ours', ours)).find(({ contender }) => contender === 'ours')
      ?.ratios['peer']

  it('is that of the median rates, and that of what a request cost', () => {
    expect(ratio({}, {})).toEqual({ value: 0.5, is: 'seen', byCpu: 0.5 })
  })

  it('is at most what was seen where the peer could have done more, and at least where the contender could', () => {
    expect(ratio({}, { busy: 0.5 })?.is).toBe('at most')
    expect(ratio({ busy: 0.5 }, {})?.is).toBe('at least')
    expect(ratio({ busy: 0.5 }, { others: 0.5 })?.is).toBe('unknown')
  })

  it('is not given to or by a row that is invalid', () => {
    expect(ratio({ faults: ['wrong'] }, {})).toBeUndefined()
    expect(ratio({}, { faults: ['wrong'] })).toBeUndefined()
  })
})
