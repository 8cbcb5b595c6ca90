/** The report of a folder of results, made from its raw files alone, so that it can be made again at any time. */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Chart, charts } from './chart.ts'
import { document } from './document.ts'
import { readResults, readSeconds } from './results.ts'

const DRAW = fileURLToPath(import.meta.resolve('./draw.ts'))
const DRAWN_WITHIN_MS = 60_000
const MOST_BYTES = 64 * 2 ** 20

/**
 * Writes `report.md` and its charts into the folder, and resolves to the report's path.
 *
 * @throws {LabError} naming the file and the field where a raw file is missing or damaged
 */
export async function report(folder: string): Promise<string> {
  const results = readResults(folder)
  const shown = charts(results.rows, (run) => readSeconds(folder, run))
  const drawn = shown.length > 0 ? await drawAll(shown) : []
  for (const [index, svg] of drawn.entries()) writeFileSync(path.join(folder, fileOf(shown[index] as Chart)), svg)
  const file = path.join(folder, 'report.md')
  const images = shown.map((chart) => ({ file: fileOf(chart), description: `${chart.title}. ${chart.description}` }))
  writeFileSync(file, document(results, images))
  return file
}

const fileOf = ({ name }: Chart) => `${name}.svg`

/** As SVG, in the order given. */
export function drawAll(shown: readonly Chart[]): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>()
  const options = { timeout: DRAWN_WITHIN_MS, maxBuffer: MOST_BYTES }
  const child = execFile(process.execPath, [DRAW], options, (error, stdout, stderr) => {
    if (error) reject(new Error(`the charts could not be drawn: ${stderr.trim() || error.message}`, { cause: error }))
    else resolve(JSON.parse(stdout))
  })
  // Where it died before it had read all, its end says more than the broken pipe.
  child.stdin?.on('error', () => {}).end(JSON.stringify(shown))
  return promise
}
