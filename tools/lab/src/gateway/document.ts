/** What `make bench-gateway` showed, as a table for the terminal and as a document in Markdown. */
import { figure } from '../judging/figures.ts'
import { BARE } from '../measuring/bare-route.ts'
import { type ComparedRow, comparedRows } from '../measuring/compared.ts'
import { COMPARED_LEGEND, comparedColumns, range, SIGNS_LEGEND, word } from '../measuring/compared-table.ts'
import { type Conditions, conditionsTable } from '../measuring/conditions.ts'
import type { Sample } from '../measuring/sample.ts'
import { type Middle, middleOf } from '../measuring/spread.ts'
import { bullets, type Column, drawn } from '../reporting/columns.ts'
import { escaped } from '../reporting/markdown.ts'
import { markdownTable, textTable } from '../reporting/table.ts'
import { PLAIN } from './features.ts'
import { USUAL } from './measure.ts'

export interface FeatureRow extends ComparedRow {
  /** Microseconds of CPU beyond the same contender's public route in the same turn; missing where one of both is invalid. */
  readonly adds?: Middle
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
    const [costs, plainCosts] = [costByTurn(samples, row), costByTurn(samples, plain)]
    return { ...row, adds: middleOf([...costs].map(([turn, cost]) => cost - (plainCosts.get(turn) ?? Number.NaN))) }
  })
}

/** Microseconds of CPU for a request. */
function costByTurn(samples: readonly Sample[], { case: name, contender }: ComparedRow): ReadonlyMap<number, number> {
  const own = samples.filter((sample) => sample.case === name && sample.contender === contender)
  return new Map(
    own.flatMap(({ round, load, cpu }) => (load && cpu !== undefined ? [[round, (1e6 * cpu) / load.requests]] : [])),
  )
}

const [feature, contender, ...others] = comparedColumns(PEERS) as [
  Column<FeatureRow>,
  Column<FeatureRow>,
  ...Column<FeatureRow>[],
]
const COLUMNS: readonly Column<FeatureRow>[] = [
  { ...feature, title: 'route' },
  contender,
  { title: 'adds µs', of: ({ adds }) => (adds ? figure(adds.median) : '') },
  { title: '95 % within', of: ({ adds }) => (adds ? adds.between.map(figure).join(' to ') : '') },
  { title: 'CPU µs, min to max', of: ({ cpu }) => range(cpu), isMore: true },
  ...others,
]

const ABOUT = [
  'Each row is a process and one route that is asked, `GET` of 1 kB over 64 connections, with a token in every request. All are on one core; one is asked at a time, for a second, in turns. **adds µs** is what the route’s CPU time for a request has beyond that of the same contender’s public route in the same turn: the median of these differences, and where the true one lies in 95 of 100 such runs.',
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
