/** The CSV file of a run (RFC 4180): a line a second, with two columns for each process. */
import type { Second } from '../run.ts'
import { LabError } from '../stack.ts'

const FIXED = ['second', 'requests', 'failures', 'average', 'busy'] as const
const CORES = ' cores'
const MEMORY = ' memory'

/** A process that was not there in a second has empty cells. */
export function writeCsv(seconds: readonly Second[]): string {
  const names = [...new Set(seconds.flatMap(({ processes }) => Object.keys(processes)))].sort()
  const header = [...FIXED, ...names.flatMap((name) => [name + CORES, name + MEMORY])]
  const lines = seconds.map((second) => [
    ...FIXED.map((column) => second[column]),
    ...names.flatMap((name) => [second.processes[name]?.cores ?? '', second.processes[name]?.memory ?? '']),
  ])
  return [header, ...lines].map((cells) => `${cells.map(quoted).join(',')}\n`).join('')
}

/** @throws {LabError} naming `file`, the line and the column of what is wrong */
export function readCsv(text: string, file: string): Second[] {
  const [header = [], ...lines] = records(text)
  const missing = FIXED.find((name, index) => header[index] !== name)
  if (missing) throw new LabError(`${file} line 1: the column "${missing}" is missing; the file is damaged.`)
  return lines.map((cells, index) => {
    if (cells.length !== header.length) {
      throw new LabError(`${file} line ${index + 2}: ${cells.length} cells, not ${header.length}; the file is damaged.`)
    }
    return secondOf(header, cells, `${file} line ${index + 2}`)
  })
}

function secondOf(header: readonly string[], cells: readonly string[], place: string): Second {
  const cell = (column: string) => {
    const text = cells[header.indexOf(column)] ?? ''
    const value = Number(text)
    if (text !== '' && Number.isFinite(value) && value >= 0) return value
    throw new LabError(`${place}: "${column}" is ${JSON.stringify(text)}, no number from 0; the file is damaged.`)
  }
  const names = header
    .slice(FIXED.length)
    .flatMap((column) => (column.endsWith(CORES) ? column.slice(0, -CORES.length) : []))
  const present = names.filter((name) => cells[header.indexOf(name + CORES)] !== '')
  return {
    second: cell('second'),
    requests: cell('requests'),
    failures: cell('failures'),
    average: cell('average'),
    busy: cell('busy'),
    processes: Object.fromEntries(
      present.map((name) => [name, { cores: cell(name + CORES), memory: cell(name + MEMORY) }]),
    ),
  }
}

/** Only what a comma, a quote or a line's end would break is quoted. */
function quoted(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function records(text: string): string[][] {
  const all: string[][] = []
  let cells: string[] = []
  for (const [, quotedCell, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    // After the last line's end there is an empty match.
    if (end === '' && cells.length === 0 && quotedCell === undefined && plain === '') break
    cells.push(quotedCell?.replaceAll('""', '"') ?? plain)
    if (end === ',') continue
    all.push(cells)
    cells = []
  }
  return all
}
