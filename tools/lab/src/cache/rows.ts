/** From samples of named figures to rows: medians over the rounds, and what speaks against them. */
import { faultsIn } from '../measuring/compared.ts'
import { type Spread, spreadOf } from '../measuring/spread.ts'
import { DriverError } from '../plan.ts'
import { LabError } from '../stack.ts'

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

/** A row that cannot be measured is invalid and says why; the others go on. @throws whatever is no fault of its processes */
export async function attempted<F extends string>(
  row: string,
  round: number,
  signal: AbortSignal,
  measure: () => Promise<FigureSample<F>>,
): Promise<FigureSample<F>> {
  try {
    return await measure()
  } catch (error) {
    if (signal.aborted || !(error instanceof LabError || error instanceof DriverError)) throw error
    return { row, round, figures: {} as FigureSample<F>['figures'], faults: [error.message] }
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
