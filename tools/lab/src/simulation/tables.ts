/** What the simulations showed, as a document in Markdown: a table for each world and size. */
import { figure, percent, whole } from '../judging/figures.ts'
import type { Chart } from '../reporting/chart.ts'
import { type Column, drawn } from '../reporting/columns.ts'
import { markdownTable } from '../reporting/table.ts'
import type { Row } from './row.ts'
import { WORLDS, type WorldName, worldNames } from './worlds.ts'

const COLUMNS: readonly Column<Row>[] = [
  { title: 'balancers', of: ({ balancers }) => whole(balancers) },
  { title: 'policy', of: ({ policy }) => policy, isName: true },
  { title: 'p50 ms', of: ({ p50 }) => whole(p50) },
  { title: 'p99 ms', of: ({ p99 }) => whole(p99) },
  { title: 'p99.9 ms', of: ({ p999 }) => whole(p999) },
  { title: 'failed', of: ({ failed }) => percent(Number(failed.toPrecision(2))) },
  { title: 'most in flight', of: ({ mostInFlight }) => whole(mostInFlight) },
  { title: 'fewest to most requests', of: ({ fewest, most }) => `${fewest.toFixed(2)} to ${most.toFixed(2)}` },
  { title: 'to the odd', of: ({ odd }) => (odd === undefined ? '' : figure(odd)) },
]

export function document(rows: readonly Row[], shown: readonly Chart[], seed: number): string {
  const ofWorld = (world: WorldName) => rows.filter((row) => row.world === world)
  const sections = worldNames.flatMap((world) => [
    `## ${world}: ${WORLDS[world].about}`,
    ...[...Map.groupBy(ofWorld(world), ({ endpoints }) => endpoints)].flatMap(([endpoints, of]) => [
      `### ${whole(endpoints)} endpoints`,
      drawn(COLUMNS, of, markdownTable),
    ]),
  ])
  const images = shown.map(({ name, title }) => `![${title}](${name}.svg)`)
  return `${[`# Policies in virtual time, seed ${seed}`, LEGEND, ...images, ...sections].join('\n\n')}\n`
}

const LEGEND = `Endpoints work on 4 requests at once, for 100 ms on average (exponential); what comes meanwhile waits in line. Requests
arrive at random (Poisson) at any of the balancers, which know nothing of each other. The first fifth of each run does not
count. Who waits 15 s has failed. Requests to an endpoint are told in even shares, by weight; to one that is new, those of
its first second. "In flight" is of all balancers.`
