/** What a bench of several parts showed, as tables for the terminal and as a document in Markdown. */
import { bullets } from '../reporting/columns.ts'
import { escaped, minuteOf } from '../reporting/markdown.ts'
import { markdownTable, textTable } from '../reporting/table.ts'
import { word } from './compared-table.ts'
import { type Conditions, conditionsTable } from './conditions.ts'
import type { Judged, Part } from './part.ts'

/** How a bench is made of its parts. */
export interface Parted {
  /** Such as `balancer`: of `make bench-balancer`, and of its results' folder. */
  readonly name: string
  /** The document's. */
  readonly title: string
  /** What `PART` says for all of them. */
  readonly all: string
  /** By what `PART` calls them, in the order in which they are measured. */
  readonly parts: Readonly<Record<string, Part>>
  /** Who have their cores beside the contender. */
  readonly others: string
  readonly versions: Readonly<Record<string, string>>
  /** What a reader must know before the figures, whatever the machine did. */
  readonly notes?: readonly string[]
  /** What stands beside the document, to make it again. */
  readonly beside?: string
}

export interface Measured extends Conditions {
  readonly format: 1
  /** Those that were measured. */
  readonly parts: Readonly<Record<string, { readonly samples: readonly unknown[]; readonly rows: readonly Judged[] }>>
}

/** For the terminal. */
export function tables(seen: Measured, parted: Parted): string {
  const sections = sectionsOf(seen, parted)
  return [
    ...seen.notes.map((note) => `! ${note}`),
    ...sections.map(({ title, table }) => `${title}\n${table(textTable)}`),
    ...new Set(sections.flatMap(({ signs = [], isSure }) => (isSure ? [] : signs))),
    sections.flatMap(({ reasons }) => reasons).join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n')
}

export function document(seen: Measured, parted: Parted): string {
  const sections = sectionsOf(seen, parted)
  const reasons = sections.flatMap((section) => section.reasons)
  return `${[
    `# ${parted.title}, ${minuteOf(seen.startedAt)}`,
    '## What to know first',
    bullets(seen.notes.map(escaped)) || 'Nothing speaks against this run.',
    ...sections.flatMap(({ title, about, table }) => [`## ${title}`, table(markdownTable), ...about]),
    '## Rows with a doubt',
    bullets(reasons.map(escaped)) || 'None.',
    '## The machine',
    conditionsTable(seen, parted.others),
    '## How to make it again',
    `\`\`\`\n${seen.command}\n\`\`\``,
    ...(parted.beside === undefined ? [] : [parted.beside]),
  ].join('\n\n')}\n`
}

const sectionsOf = ({ parts }: Measured, parted: Parted) =>
  Object.entries(parts).map(([name, { rows }]) => {
    const { title, about, signs, table, nameOf } = parted.parts[name] as Part
    return {
      ...{ title, about, signs },
      isSure: rows.every(({ verdict }) => verdict === 'valid'),
      table: (draw: typeof textTable) => table(rows, draw),
      reasons: rows.flatMap((row) => row.reasons.map((reason) => `${word(row.verdict)} ${nameOf(row)}: ${reason}`)),
    }
  })
