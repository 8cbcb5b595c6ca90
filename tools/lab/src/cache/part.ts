/** A part of `make bench-cache`: rows of figures, how they are measured and how they are shown. */
import type { Client } from '../measuring/client.ts'
import { range, word } from '../measuring/compared-table.ts'
import type { Means, Sample } from '../measuring/sample.ts'
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

/** One whose rows are contenders on a core of their own. */
export interface ComparedPart {
  readonly kind: 'compared'
  /** Of one load, where `DURATION` does not say. */
  readonly seconds: number
  readonly title: string
  readonly about: readonly string[]
  /** Whom ratios are given to: a title, and the contender's name. */
  readonly peers: readonly (readonly [title: string, peer: string])[]
  measure(plan: PartPlan): Promise<Sample[]>
}

/** One whose rows are figures of its own. */
export interface FigurePart<F extends string = string> {
  readonly kind: 'figures'
  /** Of one load, where `DURATION` does not say; 0 where there is none that lasts. */
  readonly seconds: number
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
