/** What a contest showed, as tables for the terminal and as a document in Markdown. */
import { figure, percent, whole } from '../judging/figures.ts'
import type { ComparedRow } from '../measuring/compared.ts'
import { COMPARED_LEGEND, comparedColumns, range, SIGNS_LEGEND, word } from '../measuring/compared-table.ts'
import { type Conditions, conditionsTable } from '../measuring/conditions.ts'
import type { Sample } from '../measuring/sample.ts'
import { bullets, type Column, drawn } from '../reporting/columns.ts'
import { escaped } from '../reporting/markdown.ts'
import { markdownTable, textTable } from '../reporting/table.ts'
import type { BadRow } from './bad-rows.ts'
import type { BadSample } from './bad-upstreams.ts'
import { PEERS } from './contenders.ts'
import { FAULTS } from './fault.ts'

export interface Contest extends Conditions {
  readonly format: 1
  readonly forwarding: { readonly samples: readonly Sample[]; readonly rows: readonly ComparedRow[] }
  readonly badUpstreams: { readonly samples: readonly BadSample[]; readonly rows: readonly BadRow[] }
}

const FORWARDING = comparedColumns([
  ['x bare', PEERS.bare],
  ['x nginx', PEERS.nginx],
  ['x http-proxy', PEERS.httpProxy],
])

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
    drawn(FORWARDING, forwarding.rows, textTable),
    forwarding.rows.some(({ verdict }) => verdict !== 'valid') ? SIGNS_LEGEND.replaceAll('`', '') : '',
    drawn(BAD, badUpstreams.rows, textTable),
    [...reasons(forwarding.rows), ...reasons(badUpstreams.rows)].join('\n'),
  ]
  return parts.filter(Boolean).join('\n\n')
}

export function document(contest: Contest): string {
  const { forwarding, badUpstreams, notes } = contest
  const sections: [title: string, body: readonly string[]][] = [
    ['What to know first', [bullets(notes.map(escaped)) || 'Nothing speaks against this run.']],
    ...part('Forwarding', drawn(FORWARDING, forwarding.rows, markdownTable), [COMPARED_LEGEND]),
    ...part('Bad upstreams', drawn(BAD, badUpstreams.rows, markdownTable), [bullets(faults()), BAD_LEGEND]),
    [
      'Rows with a doubt',
      [bullets([...reasons(forwarding.rows), ...reasons(badUpstreams.rows)].map(escaped)) || 'None.'],
    ],
    ['The machine', [conditionsTable(contest, 'client, upstreams')]],
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

const BAD_LEGEND =
  'Times are those of good answers, from the moment a request was due. Errors are what clients got instead of 2xx. The share of the bad upstream is of all requests that reached any; a quarter would be its even share.'

const faults = () => Object.entries(FAULTS).map(([name, what]) => `**${name}**: ${what}`)

function part(title: string, shown: string, legend: readonly string[]): [string, readonly string[]][] {
  return shown === '' ? [] : [[title, [shown, ...legend]]]
}

function reasons(rows: readonly (ComparedRow | BadRow)[]): string[] {
  return rows.flatMap((row) => {
    const name = 'case' in row ? row.case : row.fault
    return row.reasons.map((reason) => `${word(row.verdict)} ${name}, ${row.contender}: ${reason}`)
  })
}

const kinds = (failures: Readonly<Record<string, number>>) =>
  Object.entries(failures)
    .map(([kind, count]) => `${whole(count)} x ${kind}`)
    .join(', ')
