/** `make bench-gateway`: what each feature of a route costs, beside what others use for it, in one run on one machine. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import type { Bench } from '../bench.ts'
import { counted } from '../judging/figures.ts'
import { begin } from '../measuring/beginning.ts'
import { doubtsOf } from '../measuring/conditions.ts'
import { versionsOf } from '../measuring/versions.ts'
import { writeWhole } from '../reporting/results.ts'
import { document, featureRows, type GatewayBench, table } from './document.ts'
import { measureFeatures } from './measure.ts'

/** Of each row in a round, in turns of `TURN_S`. */
const USUAL_S = 10
const TURN_S = 1
/** The same exit code as of a bench with an invalid test. */
const EXIT_INVALID = 3

/** Resolves to the exit code. */
export async function benchGateway(bench: Bench): Promise<number> {
  const { DURATION, ROUNDS: rounds } = bench.config
  const { client, circumstances, folder, means, head, loadAverage } = await begin(bench, 'gateway')
  const seconds = DURATION === undefined ? USUAL_S : DURATION / 1000
  const turns = Math.max(1, Math.round((rounds * seconds) / TURN_S))
  means.say(`${counted(turns, 'turn')} of ${TURN_S} s each row ...`)
  let seen: GatewayBench | undefined
  try {
    const samples = await measureFeatures({ ...means, client, turns, seconds: TURN_S })
    seen = {
      ...head,
      command: `make bench-gateway DURATION=${seconds}s ROUNDS=${rounds}`,
      loadAverage: loadAverage(),
      versions: {
        ...versionsOf('undici', 'fastify', '@fastify/http-proxy', '@fastify/jwt', '@fastify/rate-limit'),
        client: client.name,
      },
      notes: doubtsOf(circumstances),
      samples,
      rows: featureRows(samples),
    }
    writeWhole(path.join(folder, 'gateway.json'), `${JSON.stringify(seen, null, 2)}\n`)
    writeWhole(path.join(folder, 'report.md'), document(seen))
  } finally {
    rmSync(means.folder, { recursive: true })
    if (!seen) rmSync(folder, { recursive: true })
  }
  means.say(`\n${table(seen)}\n\nThe report: ${path.relative(process.cwd(), folder)}/report.md`)
  return seen.rows.some(({ verdict }) => verdict === 'invalid') ? EXIT_INVALID : 0
}
