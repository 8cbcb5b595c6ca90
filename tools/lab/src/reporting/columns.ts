/** A table by its columns: what stands in each, and whether the terminal has room for it. */
import { type Align, markdownTable, type textTable } from './table.ts'

export interface Column<R> {
  readonly title: string
  readonly of: (row: R) => string
  /** Figures stand to the right. */
  readonly isName?: boolean
  /** Only in the document, where there is room. */
  readonly isMore?: boolean
}

/** Empty where there are no rows. @param draw for the terminal, or for the document with all columns */
export function drawn<R>(columns: readonly Column<R>[], rows: readonly R[], draw: typeof textTable): string {
  if (rows.length === 0) return ''
  const shown = columns.filter(({ isMore }) => draw === markdownTable || !isMore)
  const align: Align[] = shown.map(({ isName }) => (isName ? 'left' : 'right'))
  return draw(
    shown.map(({ title }) => title),
    align,
    rows.map((row) => shown.map(({ of }) => of(row))),
  )
}

export const bullets = (items: readonly string[]) => items.map((item) => `- ${item}`).join('\n')
