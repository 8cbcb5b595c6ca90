/** What the rows show together: what replication did for misses, and what caching did. */

import { type Run, SHAPES } from '../run.ts'
import { figure, milliseconds, perSecond } from './figures.ts'
import { isRun, type Row, rate } from './measures.ts'
import { judge } from './verdict.ts'

/** Less than runs differ by anyway. */
const SAME = 0.05

/** Two sentences for each shape, or as many as there are rows for. */
export function findings(rows: readonly Row[]): string[] {
  return (['users', 'closed'] as const).flatMap((shape) => [
    ...compare(rows, shape, {
      subject: 'Replication',
      before: 'test1-miss',
      after: 'test3-miss',
      change: 'with every answer missed, three gateways instead of one',
    }),
    ...compare(rows, shape, {
      subject: 'Caching',
      before: 'test3-miss',
      after: 'test3-hit',
      change: 'with three gateways, answers from the cache instead of the origin',
    }),
  ])
}

interface Comparison {
  subject: string
  before: string
  after: string
  change: string
}

function compare(rows: readonly Row[], shape: Run['shape'], { subject, before, after, change }: Comparison): string[] {
  const of = (name: string) => rows.find((row) => row.name === name && row.shape === shape)
  const pair = [before, after].map((name) => ({ name, row: of(name) }))
  if (pair.every(({ row }) => row === undefined)) return []
  const title = `${subject}, ${SHAPES[shape]}`
  const [first, second] = pair.flatMap(({ row }) => (row && isRun(row) ? [row] : []))
  if (!first || !second) return [`${title}: not shown, for ${doubts(pair).join(' and ')}.`]
  const figures = `${change}: ${ratesOf(first, second)}; ${timesOf(first, second)}.`
  const doubted = doubts(pair)
  return [
    doubted.length === 0
      ? `${title}: ${figures}`
      : `${title}: not shown, for ${doubted.join(' and ')}. What was seen, ${figures}`,
  ]
}

function doubts(pair: readonly { name: string; row: Row | undefined }[]): string[] {
  return pair.flatMap(({ name, row }) => {
    if (!row) return [`${name} is missing`]
    if (!isRun(row)) return [`${name} was not run`]
    const { verdict } = judge(row)
    return verdict === 'valid' ? [] : [`${name} is ${verdict}`]
  })
}

function ratesOf(first: Run, second: Run): string {
  const [from, to] = [rate(first.load), rate(second.load)]
  return `${perSecond(from)} became ${perSecond(to)}${factor(from, to, 'as many', 'as few')}`
}

function timesOf(first: Run, second: Run): string {
  const [from, to] = [first.load.latency.average, second.load.latency.average]
  return `an answer took ${milliseconds(to)} on average, after ${milliseconds(from)}${factor(from, to, 'longer', 'shorter')}`
}

/** Nothing where there is nothing to divide by. */
function factor(from: number, to: number, more: string, less: string): string {
  if (!(from > 0 && to > 0 && Number.isFinite(from) && Number.isFinite(to))) return ''
  if (Math.abs(to / from - 1) < SAME) return ', about the same'
  return to > from ? `, ${figure(to / from)} times ${more}` : `, ${figure(from / to)} times ${less}`
}
