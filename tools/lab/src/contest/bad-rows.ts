/** From samples of bad upstreams to rows, how contenders compare, and how that is shown. */
import { figure, percent, share, whole } from '../judging/figures.ts'
import { faultsIn } from '../measuring/compared.ts'
import { range, word } from '../measuring/compared-table.ts'
import { LATE_MS } from '../measuring/open-load.ts'
import { type Spread, spreadOf } from '../measuring/spread.ts'
import type { Column } from '../reporting/columns.ts'
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

export const BAD_COLUMNS: readonly Column<BadRow>[] = [
  { title: 'bad upstream', of: ({ fault }) => fault, isName: true },
  { title: 'contender', of: ({ contender }) => contender, isName: true },
  { title: 'good/s', of: ({ rate }) => figure(rate.median) },
  { title: 'p50 ms', of: ({ p50 }) => figure(p50.median) },
  { title: 'p99 ms', of: ({ p99 }) => figure(p99.median) },
  { title: 'min to max', of: ({ p99 }) => range(p99) },
  { title: 'p99.9 ms', of: ({ p999 }) => figure(p999.median) },
  { title: 'p99.9 min to max', of: ({ p999 }) => range(p999), isMore: true },
  { title: 'errors', of: ({ failed }) => share(failed.median) },
  { title: 'which', of: ({ failures }) => kinds(failures), isMore: true, isName: true },
  { title: 'to the bad one', of: ({ share }) => percent(Math.round(1000 * share.median) / 1000) },
  { title: 'p99 x round-robin', of: (row) => (row.ratio === undefined ? '' : figure(row.ratio)) },
  { title: 'verdict', of: ({ verdict }) => word(verdict), isName: true },
]

const kinds = (failures: Readonly<Record<string, number>>) =>
  Object.entries(failures)
    .map(([kind, count]) => `${whole(count)} x ${kind}`)
    .join(', ')
