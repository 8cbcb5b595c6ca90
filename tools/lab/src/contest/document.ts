/** What a contest showed, as tables for the terminal and as a document in Markdown. */
import { figure, megabytes, percent, whole } from '../judging/figures.ts'
import { escaped } from '../reporting/markdown.ts'
import { type Align, markdownTable, textTable } from '../reporting/table.ts'
import type { Machine } from '../run.ts'
import type { BadSample } from './bad-upstreams.ts'
import { PEERS } from './contenders.ts'
import type { Cores } from './cores.ts'
import { FAULTS } from './fault.ts'
import type { Sample } from './forwarding.ts'
import type { BadRow, ForwardingRow, Ratio } from './rows.ts'
import type { Spread } from './spread.ts'

export interface Contest {
  readonly format: 1
  readonly command: string
  readonly startedAt: string
  readonly machine: Machine
  /** Of the last minute, before the first row and after the last. */
  readonly loadAverage: { readonly before: number; readonly after: number }
  readonly cores: Cores
  readonly versions: Readonly<Record<string, string>>
  /** What a reader must know before the figures. */
  readonly notes: readonly string[]
  readonly forwarding: { readonly samples: readonly Sample[]; readonly rows: readonly ForwardingRow[] }
  readonly badUpstreams: { readonly samples: readonly BadSample[]; readonly rows: readonly BadRow[] }
}

interface Column<R> {
  readonly title: string
  readonly of: (row: R) => string
  /** Figures stand to the right. */
  readonly isName?: boolean
  /** Only in the document, where there is room. */
  readonly isMore?: boolean
}

const COMPARED = [
  ['x bare', PEERS.bare],
  ['x nginx', PEERS.nginx],
  ['x http-proxy', PEERS.httpProxy],
] as const

const FORWARDING: readonly Column<ForwardingRow>[] = [
  { title: 'case', of: (row) => row.case, isName: true },
  { title: 'contender', of: (row) => row.contender, isName: true },
  { title: 'requests/s', of: ({ rate }) => whole(rate.median) },
  { title: 'min to max', of: ({ rate }) => range(rate) },
  { title: 'p50 ms', of: ({ p50 }) => figure(p50.median) },
  { title: 'p50 min to max', of: ({ p50 }) => range(p50), isMore: true },
  { title: 'p99 ms', of: ({ p99 }) => figure(p99.median) },
  { title: 'p99 min to max', of: ({ p99 }) => range(p99), isMore: true },
  { title: 'CPU µs', of: ({ cpu }) => figure(cpu.median) },
  { title: 'core busy', of: ({ busy }) => percent(Math.round(100 * busy.median) / 100) },
  { title: 'with others', of: ({ others }) => percent(Math.round(100 * others.median) / 100), isMore: true },
  { title: 'errors', of: ({ failures }) => whole(failures) },
  ...COMPARED.map(([title, peer]) => ({ title, of: ({ ratios }: ForwardingRow) => ratio(ratios[peer]) })),
  ...COMPARED.map(([title, peer]) => ({
    title: `${title} by CPU`,
    of: ({ ratios }: ForwardingRow) => (ratios[peer] ? figure(ratios[peer].byCpu) : ''),
    isMore: true,
  })),
  { title: 'verdict', of: ({ verdict }) => word(verdict), isName: true },
]

const BAD: readonly Column<BadRow>[] = [
  { title: 'bad upstream', of: ({ fault }) => fault, isName: true },
  { title: 'contender', of: ({ contender }) => contender, isName: true },
  { title: 'good/s', of: ({ rate }) => figure(rate.median) },
  { title: 'p50 ms', of: ({ p50 }) => figure(p50.median) },
  { title: 'p99 ms', of: ({ p99 }) => figure(p99.median) },
  { title: 'min to max', of: ({ p99 }) => range(p99) },
  { title: 'p99.9 ms', of: ({ p999 }) => figure(p999.median) },
  { title: 'p99.9 min to max', of: ({ p999 }) => range(p999), isMore: true },
  { title: 'errors', of: ({ failed }) => percent(Number(failed.median.toPrecision(3))) },
  { title: 'which', of: ({ failures }) => kinds(failures), isMore: true, isName: true },
  { title: 'to the bad one', of: ({ share }) => percent(Math.round(1000 * share.median) / 1000) },
  { title: 'p99 x round-robin', of: (row) => (row.ratio === undefined ? '' : figure(row.ratio)) },
  { title: 'verdict', of: ({ verdict }) => word(verdict), isName: true },
]

/** For the terminal. */
export function tables({ forwarding, badUpstreams, notes }: Contest): string {
  const parts = [
    ...notes.map((note) => `! ${note}`),
    table(FORWARDING, forwarding.rows, textTable),
    forwarding.rows.some(({ verdict }) => verdict !== 'valid') ? SIGNS_LEGEND.replaceAll('`', '') : '',
    table(BAD, badUpstreams.rows, textTable),
    [...reasons(forwarding.rows), ...reasons(badUpstreams.rows)].join('\n'),
  ]
  return parts.filter(Boolean).join('\n\n')
}

export function document(contest: Contest): string {
  const { forwarding, badUpstreams, notes } = contest
  const sections: [title: string, body: readonly string[]][] = [
    ['What to know first', [bullets(notes.map(escaped)) || 'Nothing speaks against this run.']],
    ...part('Forwarding', table(FORWARDING, forwarding.rows, markdownTable), [FORWARDING_LEGEND]),
    ...part('Bad upstreams', table(BAD, badUpstreams.rows, markdownTable), [bullets(faults()), BAD_LEGEND]),
    [
      'Rows with a doubt',
      [bullets([...reasons(forwarding.rows), ...reasons(badUpstreams.rows)].map(escaped)) || 'None.'],
    ],
    ['The machine', [machine(contest)]],
    [
      'How to make it again',
      [
        `\`\`\`\n${contest.command}\n\`\`\``,
        'The configurations of nginx and HAProxy are beside this file, in `configs`.',
      ],
    ],
  ]
  const head = `# The balancer beside its peers, ${contest.startedAt.slice(0, 16).replace('T', ' ')} UTC`
  return `${[head, ...sections.flatMap(([title, body]) => [`## ${title}`, ...body])].join('\n\n')}\n`
}

const SIGNS_LEGEND =
  'LIMITED: its core had time left, so client or upstreams were the limit. DISTURBED: others used its core. Either might have done more, so a ratio is `≤` where the peer, `≥` where the contender and `?` where both might.'
const FORWARDING_LEGEND = `Each figure is the median of all rounds. CPU is what a request cost the contender, user and system time. Ratios are of median rates, and by CPU of that cost: what the rates would be if each used a core to the full. ${SIGNS_LEGEND}`
const BAD_LEGEND =
  'Times are those of good answers, from the moment a request was due. Errors are what clients got instead of 2xx. The share of the bad upstream is of all requests that reached any; a quarter would be its even share.'

const faults = () => Object.entries(FAULTS).map(([name, what]) => `**${name}**: ${what}`)

function machine({ machine, cores, versions, loadAverage }: Contest): string {
  const core = (number: number | undefined) => (number === undefined ? 'any' : String(number))
  return markdownTable(
    ['', ''],
    [],
    [
      ['CPU', machine.cpu],
      ['cores', whole(machine.cores)],
      ['memory', megabytes(machine.memory)],
      ['system', machine.system],
      ['commit', machine.commit],
      ['contender, client, upstreams on core', [cores.contender, cores.client, cores.upstreams].map(core).join(', ')],
      ['load average before, after', `${loadAverage.before.toFixed(2)}, ${loadAverage.after.toFixed(2)}`],
      ...Object.entries(versions),
    ],
  )
}

function table<R>(columns: readonly Column<R>[], rows: readonly R[], draw: typeof textTable): string {
  if (rows.length === 0) return ''
  const shown = columns.filter(({ isMore }) => draw === markdownTable || !isMore)
  const align: Align[] = shown.map(({ isName }) => (isName ? 'left' : 'right'))
  return draw(
    shown.map(({ title }) => title),
    align,
    rows.map((row) => shown.map(({ of }) => of(row))),
  )
}

function part(title: string, shown: string, legend: readonly string[]): [string, readonly string[]][] {
  return shown === '' ? [] : [[title, [shown, ...legend]]]
}

function reasons(rows: readonly (ForwardingRow | BadRow)[]): string[] {
  return rows.flatMap((row) => {
    const name = 'case' in row ? row.case : row.fault
    return row.reasons.map((reason) => `${word(row.verdict)} ${name}, ${row.contender}: ${reason}`)
  })
}

const SIGNS = { seen: '', 'at least': '≥ ', 'at most': '≤ ', unknown: '? ' } as const
const ratio = (seen: Ratio | undefined) => (seen ? SIGNS[seen.is] + figure(seen.value) : '')
const range = ({ min, max }: Spread) => `${figure(min)} to ${figure(max)}`
const word = (verdict: string) => (verdict === 'valid' ? '' : verdict.toUpperCase())
const bullets = (items: readonly string[]) => items.map((item) => `- ${item}`).join('\n')
const kinds = (failures: Readonly<Record<string, number>>) =>
  Object.entries(failures)
    .map(([kind, count]) => `${whole(count)} x ${kind}`)
    .join(', ')
