/** From samples to rows: medians over the rounds, what is wrong with them, and how contenders compare. */

import type { Sample } from './sample.ts'
import { type Spread, spreadOf } from './spread.ts'

/** Below this the contender's core had time left: client or upstreams were what limited it. */
const BUSY = 0.9
/** Of the contender's core: more than a system has to do beside it. */
const OTHERS = 0.05
/**
 * How this row's rate stands to a peer's. Who was limited or disturbed by others might have done more, so that the true
 * ratio is at least or at most what was seen; where both were, nothing can be said.
 */
export interface Ratio {
  readonly value: number
  readonly is: 'seen' | 'at least' | 'at most' | 'unknown'
  /** The same by what a request cost each: the ratio of rates where both had a core to themselves and used all of it. */
  readonly byCpu: number
}

export interface ComparedRow {
  readonly case: string
  readonly contender: string
  /** Requests a second. */
  readonly rate: Spread
  /** Milliseconds. */
  readonly p50: Spread
  readonly p99: Spread
  /** Microseconds of CPU that a request cost. */
  readonly cpu: Spread
  /** How busy the contender's core was, 0 to 1; with the contender alone where the system does not tell more. */
  readonly busy: Spread
  /** With others than the contender, 0 to 1. */
  readonly others: Spread
  readonly failures: number
  /** `limited` by client or upstreams; `disturbed` by others on its core. */
  readonly verdict: 'valid' | 'limited' | 'disturbed' | 'invalid'
  readonly reasons: readonly string[]
  /** By the peer's name; missing where one of both is invalid or not there. */
  readonly ratios: Readonly<Record<string, Ratio>>
}

/** In the order of the samples' cases, and of their contenders within each. @param peers names to compare with */
export function comparedRows(samples: readonly Sample[], peers: readonly string[]): ComparedRow[] {
  const groups = Map.groupBy(inOrder(samples), (sample) => JSON.stringify([sample.case, sample.contender]))
  const rows = [...groups.values()].map(rowOf)
  return rows.map((row) => {
    const others = rows.filter((other) => other.case === row.case && other !== row && peers.includes(other.contender))
    return { ...row, ratios: Object.fromEntries(others.flatMap((other) => ratioOf(row, other))) }
  })
}

/** As the first round had them. */
function inOrder(samples: readonly Sample[]): Sample[] {
  return samples.toSorted((a, b) => a.round - b.round)
}

function rowOf(samples: Sample[]): Omit<ComparedRow, 'ratios'> {
  const [{ case: name, contender }] = samples as [Sample]
  const loads = samples.flatMap(({ load }) => load ?? [])
  const used = samples.flatMap(({ load, cpu, core }) => (load && cpu !== undefined ? [{ ...load, cpu, core }] : []))
  const busy = spreadOf(used.map(({ core, cpu, seconds }) => core?.busy ?? cpu / seconds))
  const others = spreadOf(used.map(({ core }) => core?.others ?? 0))
  const faults = faultsIn(samples)
  return {
    case: name,
    contender,
    rate: spreadOf(loads.map(({ requests, seconds }) => requests / seconds)),
    p50: spreadOf(loads.map(({ p50 }) => p50)),
    p99: spreadOf(loads.map(({ p99 }) => p99)),
    cpu: spreadOf(used.map(({ cpu, requests }) => (1e6 * cpu) / requests)),
    busy,
    others,
    failures: loads.reduce((sum, { failures }) => sum + total(failures), 0),
    verdict: verdictOf(faults, busy, others),
    reasons: faults,
  }
}

function verdictOf(faults: readonly string[], busy: Spread, others: Spread): ComparedRow['verdict'] {
  if (faults.length > 0) return 'invalid'
  if (others.median > OTHERS) return 'disturbed'
  return busy.median >= BUSY ? 'valid' : 'limited'
}

function ratioOf(row: Omit<ComparedRow, 'ratios'>, peer: Omit<ComparedRow, 'ratios'>): [string, Ratio][] {
  if (row.verdict === 'invalid' || peer.verdict === 'invalid') return []
  const [mine, theirs] = [row.verdict !== 'valid', peer.verdict !== 'valid']
  const is = mine && theirs ? 'unknown' : mine ? 'at least' : theirs ? 'at most' : 'seen'
  const value = row.rate.median / peer.rate.median
  return [[peer.contender, { value, is, byCpu: peer.cpu.median / row.cpu.median }]]
}

/** Of all rounds, each with its number. */
export const faultsIn = (samples: readonly Pick<Sample, 'round' | 'faults'>[]) =>
  samples.flatMap(({ round, faults }) => faults.map((fault) => `round ${round}: ${fault}`))

const total = (failures: Readonly<Record<string, number>>) =>
  Object.values(failures).reduce((sum, count) => sum + count, 0)
