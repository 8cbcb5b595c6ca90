/** Measures a bench part by part, in one run on one machine, and keeps after each what there is so far. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import { type Bench, EXIT_INVALID } from '../bench.ts'
import { counted } from '../judging/figures.ts'
import { writeWhole } from '../reporting/results.ts'
import type { Settings } from '../settings.ts'
import { LabError } from '../stack.ts'
import { begin } from './beginning.ts'
import { doubtsOf } from './conditions.ts'
import type { Part } from './part.ts'
import { document, type Measured, type Parted, tables } from './parted.ts'

/** Seconds of a row beside the load itself: starting and warming up. */
const ASIDE_S = 5

/**
 * Resolves to the exit code.
 *
 * @param file of the raw results
 * @param keep takes out of the folder of work what is to stay with them
 */
export async function benchParts(
  parted: Parted,
  file: string,
  bench: Bench,
  keep: (work: string, folder: string) => void = () => {},
): Promise<number> {
  const { config } = bench
  const names = namesOf(parted, config)
  const { client, circumstances, folder, means, head, loadAverage } = await begin(bench, parted.name)
  const { say } = means
  let seen: Measured = {
    ...head,
    command: commandOf(parted, config),
    versions: { ...parted.versions, client: client.name },
    notes: [...doubtsOf(circumstances), ...(parted.notes ?? [])],
    parts: {},
  }
  try {
    for (const name of names) {
      const part = parted.parts[name] as Part
      const rounds = part.isOnce && names.length > 1 ? 1 : config.ROUNDS
      const seconds = config.DURATION === undefined ? part.seconds : config.DURATION / 1000
      say(`${name}: ${counted(rounds, 'round')}${lengthOf(part, rounds, seconds)} ...`)
      const samples: unknown[] = []
      for await (const sample of part.measure({ ...means, client, rounds, seconds, rate: config.RATE })) {
        samples.push(sample)
        say(`  ${part.inWords(sample)}`)
      }
      const measured = { samples, rows: part.rowsOf(samples) }
      seen = { ...seen, loadAverage: loadAverage(), parts: { ...seen.parts, [name]: measured } }
      writeWhole(path.join(folder, file), `${JSON.stringify(seen, null, 2)}\n`)
      writeWhole(path.join(folder, 'report.md'), document(seen, parted))
    }
  } finally {
    keep(means.folder, folder)
    rmSync(means.folder, { recursive: true })
    if (Object.keys(seen.parts).length === 0) rmSync(folder, { recursive: true })
  }
  say(`\n${tables(seen, parted)}\n\nThe report: ${path.relative(process.cwd(), folder)}/report.md`)
  const rows = Object.values(seen.parts).flatMap((part) => part.rows)
  return rows.some(({ verdict }) => verdict === 'invalid') ? EXIT_INVALID : 0
}

/** @throws {LabError} for a part of another bench */
function namesOf({ name, parts, all }: Parted, { PART = all }: Settings): readonly string[] {
  const names = Object.keys(parts)
  if (PART === all) return names
  if (!names.includes(PART))
    throw new LabError(`PART is ${PART}; make bench-${name} has ${names.join(', ')} and ${all}`)
  return [PART]
}

function commandOf({ name, all }: Parted, { PART = all, DURATION, ROUNDS, RATE }: Settings): string {
  const duration = DURATION === undefined ? '' : ` DURATION=${DURATION}ms`
  return `make bench-${name} PART=${PART}${duration} ROUNDS=${ROUNDS} RATE=${RATE}`
}

function lengthOf({ rows }: Part, rounds: number, seconds: number): string {
  if (rows === undefined) return ''
  return ` of ${rows} rows, ${seconds} s each, about ${Math.ceil((rounds * rows * (seconds + ASIDE_S)) / 60)} min`
}
