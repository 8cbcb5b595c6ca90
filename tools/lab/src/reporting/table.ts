/** Tables, for Markdown and for the terminal. */
import { stripVTControlCharacters } from 'node:util'
import { escaped } from './markdown.ts'

export type Align = 'left' | 'right'

/** With GitHub's pipes. */
export function markdownTable(
  header: readonly string[],
  align: readonly Align[],
  rows: readonly (readonly string[])[],
) {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`
  const rule = `|${header.map((_, column) => (align[column] === 'right' ? '---:' : '---')).join('|')}|`
  return [line(header), rule, ...rows.map(line)].join('\n')
}

/** Columns as wide as their widest cell, colours not counted. */
export function textTable(header: readonly string[], align: readonly Align[], rows: readonly (readonly string[])[]) {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((cells) => width(cells[column] ?? ''))))
  const padded = (cell: string, column: number) => {
    const space = ' '.repeat((widths[column] ?? 0) - width(cell))
    return align[column] === 'right' ? space + cell : cell + space
  }
  return all.map((cells) => cells.map(padded).join('  ').trimEnd()).join('\n')
}

const width = (text: string) => stripVTControlCharacters(text).length
