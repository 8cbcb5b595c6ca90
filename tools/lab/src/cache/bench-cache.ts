/** `make bench-cache`: the cache measured in parts, each beside what it is to be compared with, in one run on one machine. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import type { Bench } from '../bench.ts'
import { counted } from '../judging/figures.ts'
import { begin } from '../measuring/beginning.ts'
import { comparedRows } from '../measuring/compared.ts'
import { doubtsOf } from '../measuring/conditions.ts'
import { versionsOf } from '../measuring/versions.ts'
import { writeWhole } from '../reporting/results.ts'
import type { Settings } from '../settings.ts'
import { LabError } from '../stack.ts'
import { type CacheBench, document, type Measured, tables } from './document.ts'
import { PARTS, type PartName, partNames } from './parts.ts'
import { figureRows } from './rows.ts'

/** The same exit code as of a bench with an invalid test. */
const EXIT_INVALID = 3
/** Where all parts are measured: a round of these takes minutes, or says the same each time. */
const ONCE: readonly PartName[] = ['zipf', 'memory', 'loop-delay', 'hit-ratio', 'faults']

/** Resolves to the exit code. */
export async function benchCache(bench: Bench): Promise<number> {
  const { config } = bench
  const parts = partsOf(config)
  const { client, circumstances, folder, means, head, loadAverage } = await begin(bench, 'cache')
  const { say } = means
  let seen: CacheBench = {
    ...head,
    command: commandOf(config),
    versions: { ...versionsOf('undici', 'fastify'), client: client.name },
    notes: doubtsOf(circumstances),
    parts: {},
  }
  const keep = (name: PartName, part: Measured) => {
    seen = { ...seen, loadAverage: loadAverage(), parts: { ...seen.parts, [name]: part } }
    writeWhole(path.join(folder, 'cache.json'), `${JSON.stringify(seen, null, 2)}\n`)
    writeWhole(path.join(folder, 'report.md'), document(seen))
  }
  try {
    for (const name of parts) {
      const rounds = parts.length > 1 && ONCE.includes(name) ? 1 : config.ROUNDS
      const part = PARTS[name]
      const seconds = config.DURATION === undefined ? part.seconds : config.DURATION / 1000
      const plan = { ...means, client, rounds, seconds, rate: config.RATE }
      say(`${name}: ${counted(rounds, 'round')} ...`)
      if (part.kind === 'compared') {
        const samples = await part.measure(plan)
        const peers = part.peers.map(([, peer]) => peer)
        keep(name, { samples, rows: comparedRows(samples, peers) })
      } else {
        // Several processes take part in each row, so nobody has a core to himself.
        const samples = await part.measure({ ...plan, cores: {} })
        keep(name, { samples, rows: figureRows(samples) })
      }
    }
  } finally {
    rmSync(means.folder, { recursive: true })
    if (Object.keys(seen.parts).length === 0) rmSync(folder, { recursive: true })
  }
  say(`\n${tables(seen)}\n\nThe report: ${path.relative(process.cwd(), folder)}/report.md`)
  return Object.values(seen.parts)
    .flatMap((part): readonly { verdict: string }[] => part.rows)
    .some(({ verdict }) => verdict === 'invalid')
    ? EXIT_INVALID
    : 0
}

/** @throws {LabError} for a part of another bench */
function partsOf({ PART = 'all' }: Settings): readonly PartName[] {
  if (PART === 'all') return partNames
  const part = partNames.find((name) => name === PART)
  if (!part) throw new LabError(`PART is ${PART}; make bench-cache has ${partNames.join(', ')} and all`)
  return [part]
}

function commandOf({ PART = 'all', DURATION, ROUNDS, RATE }: Settings): string {
  const duration = DURATION === undefined ? '' : ` DURATION=${DURATION}ms`
  return `make bench-cache PART=${PART}${duration} ROUNDS=${ROUNDS} RATE=${RATE}`
}
