/** A part of `make bench-cache`: rows of figures, how they are measured and how they are shown. */
import type { Client } from '../measuring/client.ts'
import { range, word } from '../measuring/compared-table.ts'
import type { Means } from '../measuring/sample.ts'
import type { Column } from '../reporting/columns.ts'
import type { FigureRow, FigureSample } from './rows.ts'

export interface PartPlan extends Means {
  readonly client: Client
  readonly rounds: number
  /** Of one load. */
  readonly seconds: number
  /** Requests a second of an open load. */
  readonly rate: number
}

export interface FigurePart<F extends string = string> {
  readonly title: string
  /** What its figures mean: paragraphs of Markdown. */
  readonly about: readonly string[]
  readonly figures: Readonly<Record<F, Shown>>
  measure(plan: PartPlan): Promise<FigureSample<F>[]>
}

interface Shown {
  readonly title: string
  readonly as: (value: number) => string
  /** Only in the document. */
  readonly isMore?: boolean
}

/** For each figure its median and, in the document, the smallest and the largest. */
export function figureColumns<F extends string>({ figures }: FigurePart<F>): Column<FigureRow<F>>[] {
  return [
    { title: '', of: ({ row }) => row, isName: true },
    ...(Object.entries(figures) as [F, Shown][]).flatMap(([name, { title, as, isMore = false }]) => [
      { title, isMore, of: (row: FigureRow<F>) => shown(row, name, ({ median }) => as(median)) },
      { title: 'min to max', isMore: true, of: (row: FigureRow<F>) => shown(row, name, range) },
    ]),
    { title: 'verdict', of: ({ verdict }) => word(verdict), isName: true },
  ]
}

function shown<F extends string>(row: FigureRow<F>, name: F, as: (spread: FigureRow<F>['figures'][F]) => string) {
  const spread = row.figures[name]
  return spread ? as(spread) : ''
}
