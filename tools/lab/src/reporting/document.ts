/** The text of a report, in the order in which a reader should meet things: what was held back, what came out, whether to believe it, and why. */
import { figure, listed, megabytes, percent, whole } from '../judging/figures.ts'
import { findings } from '../judging/findings.ts'
import { limitOf } from '../judging/limit.ts'
import { failures, hitRatio, isRun, type Row, rate } from '../judging/measures.ts'
import { judge } from '../judging/verdict.ts'
import type { Run } from '../run.ts'
import { BENCH } from '../scenario.ts'
import { bullets, type Column, drawn } from './columns.ts'
import { declared } from './declared.ts'
import { escaped, minuteOf } from './markdown.ts'
import type { Recorded } from './results.ts'
import { markdownTable } from './table.ts'

export interface Image {
  readonly file: string
  readonly description: string
}

export function document({ profile, startedAt, rows }: Recorded, images: readonly Image[]): string {
  const runs = rows.filter(isRun)
  const [first] = runs
  const sections: [title: string, body: string[]][] = [
    ['What held the stack back', first ? declared(first) : ['No test was run.']],
    ['Findings', [bullets(findings(rows).map(escaped)) || 'There are no two rows to compare.']],
    ['Results', [results(rows), LEGEND]],
    ['Rows not to be believed, and why', [bullets(doubts(rows)) || 'All rows are valid.']],
    ['What limited each row', [bullets(runs.map(limit)) || 'No test was run.']],
    ['Processes', runs.length > 0 ? [processes(runs), PROCESSES] : ['No test was run.']],
    ['Time at each hop', runs.length > 0 ? [hops(runs), HOPS] : ['No test was run.']],
    ['Charts', images.length > 0 ? images.map(image) : ['There is nothing to draw.']],
    ['The machine', first ? machines(runs) : ['No test was run.']],
    ['How to make it again', again(profile, runs)],
  ]
  const head = `# Spillway: ${profile} profile, ${minuteOf(startedAt)}`
  return `${[head, ...sections.flatMap(([title, body]) => [`## ${title}`, ...body])].join('\n\n')}\n`
}

const LEGEND =
  'Times are those of all answers, failures included, in milliseconds. Reads and computations are what the stack itself counted.'
const PROCESSES =
  'Cores used on average, and memory at its highest. Where a name stands for several processes, it is their sum. A pinned load generator had one core to use.'
const HOPS =
  'Milliseconds of a request on average, as each kind of service measured it, and how many it had. A hop includes those behind it.'

const NAMES: readonly Column<Row>[] = [
  { title: 'test', of: ({ name }) => name, isName: true },
  { title: 'load', of: ({ shape }) => shape, isName: true },
]

const COLUMNS: readonly Column<Run>[] = [
  { title: 'requests', of: ({ load }) => whole(load.requests) },
  { title: 'a second', of: ({ load }) => figure(rate(load)) },
  { title: 'average', of: ({ load }) => figure(load.latency.average) },
  { title: 'p50', of: ({ load }) => figure(load.latency.p50) },
  { title: 'p95', of: ({ load }) => figure(load.latency.p95) },
  { title: 'p99', of: ({ load }) => figure(load.latency.p99) },
  { title: 'max', of: ({ load }) => figure(load.latency.max) },
  {
    title: 'failures',
    of: ({ load }) => listed(failures(load).map(([status, count]) => `${whole(count)} x ${status}`)) || '0',
  },
  { title: 'hits', of: ({ load }) => percent(hitRatio(load)) },
  { title: 'database reads', of: ({ served }) => whole(served.databaseReads) },
  { title: 'computations', of: ({ served }) => whole(served.computations) },
]

function results(rows: readonly Row[]): string {
  const figures = COLUMNS.map(({ title, of }) => ({ title, of: (row: Row) => (isRun(row) ? of(row) : '') }))
  return drawn([...NAMES, { title: 'verdict', of: word, isName: true }, ...figures], rows, markdownTable)
}

function doubts(rows: readonly Row[]): string[] {
  return rows.flatMap((row) => {
    const reasons = isRun(row) ? judge(row).reasons : [row.notRun]
    return reasons.map((reason) => `${word(row)} **${escaped(row.name)}, ${row.shape}**: ${escaped(reason)}`)
  })
}

const word = (row: Row) => (isRun(row) ? judge(row).verdict.toUpperCase() : 'NOT RUN')

function limit(run: Run): string {
  const { sentence, helps } = limitOf(run)
  return `**${escaped(run.name)}, ${run.shape}**: ${escaped(sentence)} Would another gateway have helped: ${helps}.`
}

function processes(runs: readonly Run[]): string {
  // In the order of the largest stack.
  const used = runs.map(({ served }) => served.processes).sort((a, b) => b.length - a.length)
  const columns: Column<Run>[] = unique(used.flat().map(({ name }) => name)).map((name) => ({
    title: name,
    of({ served }) {
      const use = served.processes.find((each) => each.name === name)
      return use ? `${use.cores.toFixed(2)}, ${megabytes(use.memory)}` : ''
    },
  }))
  return drawn<Run>(
    [
      ...NAMES,
      ...columns,
      { title: 'load generator', of: ({ load }) => `${load.cores.toFixed(2)}${load.pinned ? ', pinned' : ''}` },
      { title: 'machine busy', of: ({ served }) => percent(served.busy) },
    ],
    runs,
    markdownTable,
  )
}

function hops(runs: readonly Run[]): string {
  const columns: Column<Run>[] = unique(runs.flatMap(({ served }) => served.hops.map(({ role }) => role))).map(
    (role) => ({
      title: role,
      of({ served }) {
        const hop = served.hops.find((each) => each.role === role)
        return hop && hop.requests > 0 ? `${figure(hop.average)} (${whole(hop.requests)})` : ''
      },
    }),
  )
  return drawn([...NAMES, ...columns], runs, markdownTable)
}

const image = ({ file, description }: Image) => `![${escaped(description)}](${file})`

/** Every value that there was, should the machine or the commit have changed between rows. */
function machines(runs: readonly Run[]): string[] {
  const all = (of: (run: Run) => string) => unique(runs.map(of)).join('; ')
  const settings = (run: Run) => Object.entries(run.settings).map(([name, value]) => `${name}=${value}`)
  return [
    markdownTable(
      ['', ''],
      [],
      [
        ['CPU', all(({ machine }) => machine.cpu)],
        ['cores', all(({ machine }) => whole(machine.cores))],
        ['memory', all(({ machine }) => megabytes(machine.memory))],
        ['system', all(({ machine }) => machine.system)],
        ['Node', all(({ machine }) => machine.node)],
        ['commit', all(({ machine }) => machine.commit)],
        ['load by', all(({ driver, shape }) => `${driver} (${shape})`)],
        ['settings of the stack', all((run) => settings(run).join(', '))],
      ],
    ),
  ]
}

function again(profile: Run['profile'], runs: readonly Run[]): string[] {
  const users = (shape: Run['shape']) => runs.find((run) => run.shape === shape)?.users
  const [thinking, waiting] = [users('users'), users('closed')]
  const duration = Math.max(1, ...runs.map(({ load }) => Math.round(load.duration)))
  const settings = [
    `PROFILE=${profile}`,
    ...(runs.length > 0 ? [`DURATION=${duration}s`] : []),
    ...(thinking === undefined ? [] : [`USERS=${thinking}`]),
    ...(waiting === undefined ? [] : [`CONNECTIONS=${waiting}`]),
    ...(thinking !== undefined && waiting !== undefined ? [] : shapeOf(thinking, waiting)),
  ].join(' ')
  const names = unique(runs.map(({ name }) => name))
  const isBench = runs.length === 0 || BENCH.every(({ name }) => names.includes(name))
  const targets = isBench ? ['bench'] : names.map((name) => name.replace('test', 'run'))
  const commands = targets.map((target) => `make ${target} ${settings}`).join('\n')
  return [
    `\`\`\`\n${commands}\n\`\`\``,
    'The settings of the stack, above, must be the same. `make report RESULTS=` with the name of this folder makes the report again from `results.json` and the CSV files in it; docs/experiments.md says what was asked and when a row is believed.',
  ]
}

function shapeOf(thinking: number | undefined, waiting: number | undefined): string[] {
  if (thinking === waiting) return []
  return [`SHAPE=${thinking === undefined ? 'closed' : 'users'}`]
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)]
