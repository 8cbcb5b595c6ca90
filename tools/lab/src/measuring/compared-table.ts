/** How rows of contenders are shown, with their ratios to peers. */
import { figure, percent, whole } from '../judging/figures.ts'
import type { Column } from '../reporting/columns.ts'
import type { ComparedRow, Ratio } from './compared.ts'
import type { Spread } from './spread.ts'

export const SIGNS_LEGEND =
  'LIMITED: its core had time left, so client or upstreams were the limit. DISTURBED: others used its core. Either might have done more, so a ratio is `≤` where the peer, `≥` where the contender and `?` where both might.'
export const COMPARED_LEGEND = `Each figure is the median of all rounds. CPU is what a request cost the contender, user and system time. Ratios are of median rates, and by CPU of that cost: what the rates would be if each used a core to the full. ${SIGNS_LEGEND}`

/** @param peers whom ratios are given to: a title, and the contender's name */
export function comparedColumns(peers: readonly (readonly [title: string, peer: string])[]): Column<ComparedRow>[] {
  return [
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
    ...peers.map(([title, peer]) => ({ title, of: ({ ratios }: ComparedRow) => ratio(ratios[peer]) })),
    ...peers.map(([title, peer]) => ({
      title: `${title} by CPU`,
      of: ({ ratios }: ComparedRow) => (ratios[peer] ? figure(ratios[peer].byCpu) : ''),
      isMore: true,
    })),
    { title: 'verdict', of: ({ verdict }) => word(verdict), isName: true },
  ]
}

export const range = ({ min, max }: Spread) => `${figure(min)} to ${figure(max)}`
/** Nothing where there is nothing to say. */
export const word = (verdict: string) => (verdict === 'valid' ? '' : verdict.toUpperCase())

const SIGNS = { seen: '', 'at least': '≥ ', 'at most': '≤ ', unknown: '? ' } as const
const ratio = (seen: Ratio | undefined) => (seen ? SIGNS[seen.is] + figure(seen.value) : '')
