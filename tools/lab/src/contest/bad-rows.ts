/** From samples of bad upstreams to rows, and how contenders compare. */
import { faultsIn } from '../measuring/compared.ts'
import { LATE_MS } from '../measuring/open-load.ts'
import { type Spread, spreadOf } from '../measuring/spread.ts'
import type { BadSample } from './bad-upstreams.ts'
import type { Fault } from './fault.ts'

export interface BadRow {
  readonly fault: Fault
  readonly contender: string
  /** Good answers a second. */
  readonly rate: Spread
  /** Milliseconds, of good answers. */
  readonly p50: Spread
  readonly p99: Spread
  readonly p999: Spread
  /** Of all requests, those whose clients got no 2xx, 0 to 1. */
  readonly failed: Spread
  /** How many of each kind in all rounds. */
  readonly failures: Readonly<Record<string, number>>
  /** Of the requests, those that went to the bad upstream, 0 to 1. */
  readonly share: Spread
  readonly verdict: 'valid' | 'doubtful' | 'invalid'
  readonly reasons: readonly string[]
  /** Its p99 by the baseline's; missing where one of both is invalid or not there. */
  readonly ratio?: number
}

/** @param baseline the contender whose p99 the others' are compared with */
export function badRows(samples: readonly BadSample[], baseline: string): BadRow[] {
  const groups = Map.groupBy(
    samples.toSorted((a, b) => a.round - b.round),
    (sample) => JSON.stringify([sample.fault, sample.contender]),
  )
  const rows = [...groups.values()].map(badRowOf)
  return rows.map((row) => {
    const base = rows.find(({ fault, contender }) => fault === row.fault && contender === baseline)
    if (!base || base.verdict === 'invalid' || row.verdict === 'invalid') return row
    return { ...row, ratio: row.p99.median / base.p99.median }
  })
}

function badRowOf(samples: BadSample[]): BadRow {
  const [{ fault, contender }] = samples as [BadSample]
  const loads = samples.flatMap(({ load }) => load ?? [])
  const faults = faultsIn(samples)
  const late = spreadOf(loads.map((load) => load.late))
  const isLate = late.median > LATE_MS
  const reason = `the client was late by ${late.median.toFixed(1)} ms at its p99, and times are from when requests were due`
  const kinds = Map.groupBy(
    loads.flatMap(({ failures }) => Object.entries(failures)),
    ([kind]) => kind,
  )
  return {
    fault,
    contender,
    rate: spreadOf(loads.map(({ good, seconds }) => good / seconds)),
    p50: spreadOf(loads.map(({ p50 }) => p50)),
    p99: spreadOf(loads.map(({ p99 }) => p99)),
    p999: spreadOf(loads.map(({ p999 }) => p999)),
    failed: spreadOf(loads.map(({ requests, good }) => (requests - good) / requests)),
    failures: Object.fromEntries([...kinds].map(([kind, each]) => [kind, each.reduce((sum, [, n]) => sum + n, 0)])),
    share: spreadOf(samples.flatMap(({ share }) => share ?? [])),
    verdict: faults.length > 0 ? 'invalid' : isLate ? 'doubtful' : 'valid',
    reasons: faults.length > 0 ? faults : isLate ? [reason] : [],
  }
}
