/** Parts of `make bench-cache` whose rows are figures of their own: medians over the rounds, and what speaks against them. */
import { faultsIn } from '../measuring/compared.ts'
import { range, word } from '../measuring/compared-table.ts'
import type { Part } from '../measuring/part.ts'
import { type Spread, spreadOf } from '../measuring/spread.ts'
import { type Column, drawn } from '../reporting/columns.ts'

/** What one round of one row gave. */
export interface FigureSample<F extends string = string> {
  readonly row: string
  /** Counted from 1. */
  readonly round: number
  /** Empty where nothing could be measured. */
  readonly figures: Readonly<Partial<Record<F, number>>>
  /** What makes its figures less sure. */
  readonly doubts?: readonly string[]
  /** Why it is not to be believed at all, or what was promised and not kept. */
  readonly faults: readonly string[]
}

export interface FigureRow<F extends string = string> {
  readonly row: string
  readonly figures: Readonly<Record<F, Spread>>
  readonly verdict: 'valid' | 'doubtful' | 'invalid'
  readonly reasons: readonly string[]
}

interface Shown {
  readonly title: string
  readonly as: (value: number) => string
  /** Only in the document. */
  readonly isMore?: boolean
}

/** A part whose rows are figures of its own. */
export function figures<F extends string>({
  figures,
  measure,
  ...part
}: Omit<Part<FigureSample<F>>, 'inWords' | 'rowsOf' | 'nameOf' | 'table'> & {
  readonly figures: Readonly<Record<F, Shown>>
}): Part<FigureSample<F>, FigureRow<F>> {
  const told = (Object.entries(figures) as [F, Shown][]).filter(([, { isMore }]) => !isMore)
  return {
    ...part,
    // Several processes take part in each row, so nobody has a core to himself.
    measure: (plan) => measure({ ...plan, cores: {} }),
    inWords({ row, round, figures: seen, faults }) {
      const words = told.map(([name, { title, as }]) => `${title} ${as(seen[name] ?? Number.NaN)}`)
      return `${row}, round ${round}: ${[...words, ...faults.map((fault) => `INVALID: ${fault}`)].join(', ')}`
    },
    rowsOf: figureRows,
    nameOf: ({ row }) => row,
    table: (rows, draw) => drawn(columnsOf(figures), rows, draw),
  }
}

/** In the order in which rows were first measured. */
export function figureRows<F extends string>(samples: readonly FigureSample<F>[]): FigureRow<F>[] {
  const sorted = samples.toSorted((a, b) => a.round - b.round)
  return [...Map.groupBy(sorted, ({ row }) => row)].map(([row, all]) => {
    const names = new Set(all.flatMap(({ figures }) => Object.keys(figures) as F[]))
    const spread = (name: F) => spreadOf(all.flatMap(({ figures }) => figures[name] ?? []))
    const faults = faultsIn(all)
    const doubts = faultsIn(all.map(({ round, doubts = [] }) => ({ round, faults: doubts })))
    return {
      row,
      figures: Object.fromEntries([...names].map((name) => [name, spread(name)])) as Record<F, Spread>,
      verdict: faults.length > 0 ? 'invalid' : doubts.length > 0 ? 'doubtful' : 'valid',
      reasons: [...faults, ...doubts],
    }
  })
}

/** For each figure its median and, in the document, the smallest and the largest. */
function columnsOf<F extends string>(figures: Readonly<Record<F, Shown>>): Column<FigureRow<F>>[] {
  const of = (name: F, as: (spread: Spread) => string) => (row: FigureRow<F>) =>
    row.figures[name] ? as(row.figures[name]) : ''
  return [
    { title: '', of: ({ row }) => row, isName: true },
    ...(Object.entries(figures) as [F, Shown][]).flatMap(([name, { title, as, isMore = false }]) => [
      { title, isMore, of: of(name, ({ median }) => as(median)) },
      { title: 'min to max', isMore: true, of: of(name, range) },
    ]),
    { title: 'verdict', of: ({ verdict }) => word(verdict), isName: true },
  ]
}
