/** What `make bench-cache` showed, as tables for the terminal and as a document in Markdown. */
import type { ComparedRow } from '../measuring/compared.ts'
import { COMPARED_LEGEND, comparedColumns, word } from '../measuring/compared-table.ts'
import { type Conditions, conditionsTable } from '../measuring/conditions.ts'
import type { Sample } from '../measuring/sample.ts'
import { bullets, drawn } from '../reporting/columns.ts'
import { escaped } from '../reporting/markdown.ts'
import { markdownTable, textTable } from '../reporting/table.ts'
import { figureColumns } from './part.ts'
import { PARTS, type PartName } from './parts.ts'
import type { FigureRow, FigureSample } from './rows.ts'

export interface CacheBench extends Conditions {
  readonly format: 1
  /** Those that were measured. */
  readonly parts: Partial<Record<PartName, Measured>>
}

export type Measured =
  | { readonly samples: readonly Sample[]; readonly rows: readonly ComparedRow[] }
  | { readonly samples: readonly FigureSample[]; readonly rows: readonly FigureRow[] }

interface Section {
  readonly title: string
  readonly about: readonly string[]
  table(draw: typeof textTable): string
  readonly reasons: readonly string[]
}

/** For the terminal. */
export function tables(bench: CacheBench): string {
  const sections = sectionsOf(bench)
  return [
    ...bench.notes.map((note) => `! ${note}`),
    ...sections.map(({ title, table }) => `${title}\n${table(textTable)}`),
    sections.flatMap(({ reasons }) => reasons).join('\n'),
  ]
    .filter(Boolean)
    .join('\n\n')
}

export function document(bench: CacheBench): string {
  const sections = sectionsOf(bench)
  const reasons = sections.flatMap((section) => section.reasons)
  return `${[
    `# The cache, measured, ${bench.startedAt.slice(0, 16).replace('T', ' ')} UTC`,
    '## What to know first',
    bullets(bench.notes.map(escaped)) || 'Nothing speaks against this run.',
    ...sections.flatMap(({ title, about, table }) => [`## ${title}`, table(markdownTable), ...about]),
    '## Rows with a doubt',
    bullets(reasons.map(escaped)) || 'None.',
    '## The machine',
    conditionsTable(bench, 'client, origin and cache service'),
    '## How to make it again',
    `\`\`\`\n${bench.command}\n\`\`\``,
  ].join('\n\n')}\n`
}

function sectionsOf({ parts }: CacheBench): Section[] {
  return (Object.entries(parts) as [PartName, Measured][]).map(([name, measured]) => {
    const part = PARTS[name]
    const { title, about } = part
    if (part.kind === 'compared') {
      const rows = measured.rows as readonly ComparedRow[]
      return {
        title,
        about: [...about, COMPARED_LEGEND],
        table: (draw) => drawn(comparedColumns(part.peers), rows, draw),
        reasons: rows.flatMap(({ case: asked, contender, ...row }) => reasonsOf(`${asked}, ${contender}`, row)),
      }
    }
    const rows = measured.rows as readonly FigureRow[]
    return {
      title,
      about,
      table: (draw) => drawn(figureColumns(part), rows, draw),
      reasons: rows.flatMap(({ row, ...rest }) => reasonsOf(row, rest)),
    }
  })
}

const reasonsOf = (name: string, { verdict, reasons }: { verdict: string; reasons: readonly string[] }) =>
  reasons.map((reason) => `${word(verdict)} ${name}: ${reason}`)
