/** What `make bench-gateway` showed, as a table for the terminal and as a document in Markdown. */
import { figure } from '../judging/figures.ts'
import { BARE } from '../measuring/bare-route.ts'
import { type ComparedRow, comparedRows } from '../measuring/compared.ts'
import { COMPARED_LEGEND, comparedColumns, range, SIGNS_LEGEND, word } from '../measuring/compared-table.ts'
import { type Conditions, conditionsTable } from '../measuring/conditions.ts'
import type { Sample } from '../measuring/sample.ts'
import { bullets, type Column, drawn } from '../reporting/columns.ts'
import { escaped } from '../reporting/markdown.ts'
import { markdownTable, textTable } from '../reporting/table.ts'
import { PLAIN } from './features.ts'
import { USUAL } from './measure.ts'

export interface FeatureRow extends ComparedRow {
  /** Microseconds of CPU beyond what the same contender's public route costs; missing where one of both is invalid. */
  readonly adds?: number
}

export interface GatewayBench extends Conditions {
  readonly format: 1
  readonly samples: readonly Sample[]
  readonly rows: readonly FeatureRow[]
}

const PEERS = [
  ['x usual', USUAL],
  ['x bare', BARE],
] as const

export function featureRows(samples: readonly Sample[]): FeatureRow[] {
  const peers = PEERS.map(([, peer]) => peer)
  const rows = comparedRows(samples, peers)
  return rows.map((row) => {
    const plain = rows.find((other) => other.case === PLAIN && other.contender === row.contender)
    if (!plain || plain === row || [plain, row].some(({ verdict }) => verdict === 'invalid')) return row
    return { ...row, adds: row.cpu.median - plain.cpu.median }
  })
}

const [feature, contender, ...others] = comparedColumns(PEERS) as [
  Column<FeatureRow>,
  Column<FeatureRow>,
  ...Column<FeatureRow>[],
]
const COLUMNS: readonly Column<FeatureRow>[] = [
  { ...feature, title: 'route' },
  contender,
  { title: 'adds µs', of: ({ adds }) => (adds === undefined ? '' : figure(adds)) },
  { title: 'CPU µs, min to max', of: ({ cpu }) => range(cpu) },
  ...others,
]

const ABOUT = [
  'Each process has a core of its own and one route that is asked, `GET` of 1 kB over 64 connections, with a token in every request. **adds µs** is what the route’s CPU time for a request has beyond that of the same contender’s public route: a difference of two medians, which says nothing where it is less than the spread of either.',
  'The bare Fastify route sends the same fields and body and asks nobody. The usual stack keeps its counters in its own process and has no cache.',
]

/** For the terminal. */
export function table({ notes, rows }: GatewayBench): string {
  const doubtful = rows.some(({ verdict }) => verdict !== 'valid')
  return [
    ...notes.map((note) => `! ${note}`),
    drawn(COLUMNS, rows, textTable),
    doubtful ? SIGNS_LEGEND.replaceAll('`', '') : '',
    reasons(rows).join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n')
}

export function document(bench: GatewayBench): string {
  return `${[
    `# What a route costs, by feature, ${bench.startedAt.slice(0, 16).replace('T', ' ')} UTC`,
    '## What to know first',
    bullets(bench.notes.map(escaped)) || 'Nothing speaks against this run.',
    '## Routes',
    drawn(COLUMNS, bench.rows, markdownTable),
    ...ABOUT,
    COMPARED_LEGEND,
    '## Rows with a doubt',
    bullets(reasons(bench.rows).map(escaped)) || 'None.',
    '## The machine',
    conditionsTable(bench, 'client, origin and cache service'),
    '## How to make it again',
    `\`\`\`\n${bench.command}\n\`\`\``,
  ].join('\n\n')}\n`
}

function reasons(rows: readonly FeatureRow[]): string[] {
  return rows.flatMap((row) =>
    row.reasons.map((reason) => `${word(row.verdict)} ${row.case}, ${row.contender}: ${reason}`),
  )
}
