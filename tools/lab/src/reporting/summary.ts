/** What the terminal shows at the end: a line for each row, why a row is not to be believed, and what all of them show. */
import { styleText } from 'node:util'
import { figure, percent, whole } from '../judging/figures.ts'
import { findings } from '../judging/findings.ts'
import { failed, hitRatio, isRun, type Row, rate } from '../judging/measures.ts'
import { judge } from '../judging/verdict.ts'
import type { Run } from '../run.ts'
import { type Column, drawn } from './columns.ts'
import { textTable } from './table.ts'

const COLOURS = { valid: 'green', invalid: 'red', inconclusive: 'yellow', 'not run': 'yellow' } as const

/** Empty in a row that was not run. */
const of = (figure: (run: Run) => string) => (row: Row) => (isRun(row) ? figure(row) : '')

const COLUMNS: readonly Column<Row>[] = [
  { title: 'test', of: ({ name }) => name, isName: true },
  { title: 'load', of: ({ shape }) => shape, isName: true },
  { title: 'verdict', of: (row) => word(isRun(row) ? judge(row).verdict : 'not run'), isName: true },
  { title: 'requests', of: of(({ load }) => whole(load.requests)) },
  { title: 'a second', of: of(({ load }) => figure(rate(load))) },
  { title: 'avg ms', of: of(({ load }) => figure(load.latency.average)) },
  { title: 'p95 ms', of: of(({ load }) => figure(load.latency.p95)) },
  { title: 'p99 ms', of: of(({ load }) => figure(load.latency.p99)) },
  { title: 'failed', of: of(({ load }) => whole(failed(load))) },
  { title: 'hits', of: of(({ load }) => percent(hitRatio(load))) },
]

export function summary(rows: readonly Row[]): string {
  const table = drawn(COLUMNS, rows, textTable)
  return [table, rows.flatMap(reasons).join('\n'), findings(rows).join('\n')].filter(Boolean).join('\n\n')
}

function reasons(row: Row): string[] {
  const [verdict, why] = isRun(row) ? [judge(row).verdict, judge(row).reasons] : (['not run', [row.notRun]] as const)
  return why.map((reason) => `${word(verdict)} ${row.name}, ${row.shape}: ${reason}`)
}

/** Without colours where the terminal has none, or NO_COLOR is set. */
function word(verdict: keyof typeof COLOURS): string {
  return styleText(COLOURS[verdict], verdict.toUpperCase(), { stream: process.stdout })
}
