/** What `make bench` leaves behind, and reads again: a folder with all figures as JSON and a CSV file for each row. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Row } from '../judging/measures.ts'
import { NotRun, Run, type Second } from '../run.ts'
import { LabError } from '../stack.ts'
import { readCsv, writeCsv } from './csv.ts'

/** To be raised where a reader of the one before would be misled. */
const FORMAT = 1
const FILE = 'results.json'

const Header = Type.Object({
  profile: Run.properties.profile,
  startedAt: Type.String(),
  rows: Type.Array(Type.Unknown()),
})

export interface Results {
  readonly folder: string
  readonly rows: readonly Row[]
  /** `seconds` go to a CSV file. */
  add(run: Run, seconds: readonly Second[]): void
  addNotRun(row: NotRun): void
}

/** Makes `<parent>/<stamp>-<profile>/`; by their names such folders stand in the order of their making. */
export function createResults(parent: string, profile: Run['profile'], now = Date.now()): Results {
  mkdirSync(parent, { recursive: true })
  const { folder, startedAt } = makeFolder(parent, profile, now)
  const rows: Row[] = []
  const keep = (row: Row) => {
    rows.push(row)
    writeWhole(path.join(folder, FILE), `${JSON.stringify({ format: FORMAT, profile, startedAt, rows }, null, 2)}\n`)
  }
  return {
    folder,
    rows,
    add(run, seconds) {
      writeWhole(csvOf(folder, run), writeCsv(seconds))
      keep(run)
    },
    addNotRun: keep,
  }
}

export interface Recorded {
  readonly profile: Run['profile']
  readonly startedAt: string
  readonly rows: readonly Row[]
}

/** @throws {LabError} naming the file and the field where it is missing, damaged or of another format */
export function readResults(folder: string): Recorded {
  const file = path.join(folder, FILE)
  const content = parse(read(file), file)
  const { format } = content as { format?: unknown }
  if (format !== FORMAT) {
    throw new LabError(
      `${file}: format is ${JSON.stringify(format)}, this version reads ${FORMAT}; run the bench again.`,
    )
  }
  const { profile, startedAt, rows } = check(Header, content, file, [])
  return { profile, startedAt, rows: rows.map((row, index) => rowOf(row, file, index)) }
}

/** A row without a CSV file has no seconds. */
export function readSeconds(folder: string, run: Run): Second[] {
  const file = csvOf(folder, run)
  return existsSync(file) ? readCsv(read(file), file) : []
}

/** The folder made last of those with results in them. @throws {LabError} where there is none */
export function newestIn(parent: string): string {
  const folders = existsSync(parent) ? readdirSync(parent).sort() : []
  const newest = folders.findLast((name) => existsSync(path.join(parent, name, FILE)))
  if (newest === undefined) throw new LabError(`there are no results in ${parent}; make bench first.`)
  return path.join(parent, newest)
}

/** Making a folder fails where it exists, so that no two get the same; a later millisecond is still free. */
export function makeFolder(parent: string, profile: string, now: number): { folder: string; startedAt: string } {
  const startedAt = new Date(now).toISOString()
  const folder = path.join(parent, `${startedAt.replaceAll(/[:.]/g, '-')}-${profile}`)
  try {
    mkdirSync(folder)
    return { folder, startedAt }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return makeFolder(parent, profile, now + 1)
  }
}

const csvOf = (folder: string, { name, shape }: Run) => path.join(folder, `${name}-${shape}.csv`)

/** Whoever reads meanwhile finds the old file or the new one. */
export function writeWhole(file: string, text: string): void {
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new LabError(
      `${file} cannot be read (${(error as NodeJS.ErrnoException).code}); give a folder of results/.`,
      {
        cause: error,
      },
    )
  }
}

function parse(text: string, file: string): object {
  try {
    const content: unknown = JSON.parse(text)
    if (typeof content === 'object' && content !== null) return content
  } catch (error) {
    throw new LabError(`${file} is damaged: ${(error as Error).message}`, { cause: error })
  }
  throw new LabError(`${file} is damaged: it holds no object.`)
}

function rowOf(row: unknown, file: string, index: number): Row {
  const isNotRun = typeof row === 'object' && row !== null && 'notRun' in row
  return isNotRun ? check(NotRun, row, file, ['rows', index]) : check(Run, row, file, ['rows', index])
}

function check<T extends TSchema>(schema: T, value: unknown, file: string, at: readonly (string | number)[]) {
  if (Value.Check(schema, value)) return value
  const [error] = Value.Errors(schema, value)
  const field = [...at, ...(error?.instancePath.split('/').slice(1) ?? [])].join('.')
  throw new LabError(`${file} is damaged: ${field || 'it'} ${error?.message}; run the bench again.`)
}
