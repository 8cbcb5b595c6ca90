/** A part of a bench: what it measures round by round, and how what came of it is shown. */
import { drawn } from '../reporting/columns.ts'
import type { textTable } from '../reporting/table.ts'
import { LabError } from '../stack.ts'
import type { Client } from './client.ts'
import { type ComparedRow, comparedRows } from './compared.ts'
import { COMPARED_LEGEND, comparedColumns, SIGNS_LEGEND } from './compared-table.ts'
import { inWords, type Means, rotated, type Sample } from './sample.ts'

export interface PartPlan extends Means {
  readonly client: Client
  readonly rounds: number
  /** Of one load. */
  readonly seconds: number
  /** Requests a second of an open load. */
  readonly rate: number
}

/** A row, and what speaks against it. */
export interface Judged {
  readonly verdict: string
  readonly reasons: readonly string[]
}

/** `S`: what one round of one row gave. `R`: what all rounds of it say together. */
export interface Part<S = unknown, R extends Judged = Judged> {
  /** Of one load, where `DURATION` does not say; 0 where there is none that lasts. */
  readonly seconds: number
  readonly title: string
  /** What its figures mean: paragraphs of Markdown. */
  readonly about: readonly string[]
  /** What a reader of the terminal must know where a row is in doubt. */
  readonly signs?: string
  /** Whether one round is enough where all parts are measured: it takes minutes, or says the same each time. */
  readonly isOnce?: boolean
  /** How many rows a round has, where all of them have a load. */
  readonly rows?: number
  measure(plan: PartPlan): AsyncIterable<S>
  /** What is told of a sample when it is there. */
  inWords(sample: S): string
  rowsOf(samples: readonly S[]): readonly R[]
  nameOf(row: R): string
  table(rows: readonly R[], draw: typeof textTable): string
}

/** One whose rows are contenders on a core of their own. @param peers whom ratios are given to: a title, and the name */
export function compared({
  peers,
  about,
  ...part
}: Pick<Part<Sample>, 'seconds' | 'title' | 'about' | 'rows' | 'measure'> & {
  readonly peers: readonly (readonly [title: string, peer: string])[]
}): Part<Sample, ComparedRow> {
  return {
    ...part,
    about: [...about, COMPARED_LEGEND],
    signs: SIGNS_LEGEND.replaceAll('`', ''),
    inWords: (sample) => `${sample.case}, round ${sample.round}, ${sample.contender}: ${inWords(sample)}`,
    rowsOf: (samples) =>
      comparedRows(
        samples,
        peers.map(([, peer]) => peer),
      ),
    nameOf: (row) => `${row.case}, ${row.contender}`,
    table: (rows, draw) => drawn(comparedColumns(peers), rows, draw),
  }
}

/** Contenders take turns within each round, so that what the machine does meanwhile hits all. */
export function* turns<K, C>(rounds: number, kinds: readonly K[], contenders: readonly C[]) {
  for (let round = 1; round <= rounds; round++) {
    for (const kind of kinds) {
      for (const contender of rotated(contenders, round - 1)) yield { round, kind, contender }
    }
  }
}

/** A row that cannot be measured says why, and the others go on. @throws whatever is no fault of its processes */
export async function attempted<S extends { readonly faults: readonly string[] }>(
  row: Omit<S, 'faults'>,
  signal: AbortSignal,
  measure: () => Promise<S>,
): Promise<S> {
  try {
    return await measure()
  } catch (error) {
    if (signal.aborted || !(error instanceof LabError)) throw error
    return { ...row, faults: [error.message] } as unknown as S
  }
}
