/** What the simulations showed, as a document in Markdown: a table for each world and size. */
import { figure, percent, whole } from '../judging/figures.ts'
import type { Chart } from '../reporting/chart.ts'
import { type Align, markdownTable } from '../reporting/table.ts'
import type { Row } from './row.ts'
import { WORLDS, worldNames } from './worlds.ts'

const COLUMNS: readonly [title: string, of: (row: Row) => string][] = [
  ['balancers', (row) => whole(row.balancers)],
  ['policy', (row) => row.policy],
  ['p50 ms', (row) => whole(row.p50)],
  ['p99 ms', (row) => whole(row.p99)],
  ['p99.9 ms', (row) => whole(row.p999)],
  ['failed', (row) => percent(Number(row.failed.toPrecision(2)))],
  ['most in flight', (row) => whole(row.mostInFlight)],
  ['fewest to most requests', (row) => `${row.fewest.toFixed(2)} to ${row.most.toFixed(2)}`],
  ['to the odd', (row) => (row.odd === undefined ? '' : figure(row.odd))],
]
const ALIGN: readonly Align[] = COLUMNS.map(([title]) => (title === 'policy' ? 'left' : 'right'))

export function document(rows: readonly Row[], shown: readonly Chart[], seed: number): string {
  const sections = worldNames.flatMap((world) => [
    `## ${world}: ${WORLDS[world].about}`,
    ...[
      ...Map.groupBy(
        rows.filter((row) => row.world === world),
        (row) => row.endpoints,
      ),
    ].flatMap(([endpoints, of]) => [
      `### ${whole(endpoints)} endpoints`,
      markdownTable(
        COLUMNS.map(([title]) => title),
        ALIGN,
        of.map((row) => COLUMNS.map(([, cell]) => cell(row))),
      ),
    ]),
  ])
  const images = shown.map(({ name, title }) => `![${title}](${name}.svg)`)
  return `${[`# Policies in virtual time, seed ${seed}`, LEGEND, ...images, ...sections].join('\n\n')}\n`
}

const LEGEND = `Endpoints work on 4 requests at once, for 100 ms on average (exponential); what comes meanwhile waits in line. Requests
arrive at random (Poisson) at any of the balancers, which know nothing of each other. The first fifth of each run does not
count. Who waits 15 s has failed. Requests to an endpoint are told in even shares, by weight; to one that is new, those of
its first second. "In flight" is of all balancers.`
