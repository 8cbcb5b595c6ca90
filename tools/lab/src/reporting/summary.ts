/** What the terminal shows at the end: a line for each row, why a row is not to be believed, and what all of them show. */
import { styleText } from 'node:util'
import { figure, percent, whole } from '../judging/figures.ts'
import { findings } from '../judging/findings.ts'
import { failed, hitRatio, isRun, type Row, rate } from '../judging/measures.ts'
import { judge } from '../judging/verdict.ts'
import { type Align, textTable } from './table.ts'

const HEADER = ['test', 'load', 'verdict', 'requests', 'a second', 'avg ms', 'p95 ms', 'p99 ms', 'failed', 'hits']
const ALIGN: readonly Align[] = ['left', 'left', 'left', ...HEADER.slice(3).map(() => 'right' as const)]

const COLOURS = { valid: 'green', invalid: 'red', inconclusive: 'yellow', 'not run': 'yellow' } as const

export function summary(rows: readonly Row[]): string {
  const table = textTable(HEADER, ALIGN, rows.map(cells))
  return [table, rows.flatMap(reasons).join('\n'), findings(rows).join('\n')].filter(Boolean).join('\n\n')
}

function cells(row: Row): string[] {
  if (!isRun(row)) return [row.name, row.shape, word('not run')]
  const { load } = row
  return [
    row.name,
    row.shape,
    word(judge(row).verdict),
    whole(load.requests),
    figure(rate(load)),
    figure(load.latency.average),
    figure(load.latency.p95),
    figure(load.latency.p99),
    whole(failed(load)),
    percent(hitRatio(load)),
  ]
}

function reasons(row: Row): string[] {
  const [verdict, why] = isRun(row) ? [judge(row).verdict, judge(row).reasons] : (['not run', [row.notRun]] as const)
  return why.map((reason) => `${word(verdict)} ${row.name}, ${row.shape}: ${reason}`)
}

/** Without colours where the terminal has none, or NO_COLOR is set. */
function word(verdict: keyof typeof COLOURS): string {
  return styleText(COLOURS[verdict], verdict.toUpperCase(), { stream: process.stdout })
}
