/** The part "faults": what is served while something of the cache is broken. The cache service's own test does it. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { withGenerator } from '../generators/generator.ts'
import { figure, whole } from '../judging/figures.ts'
import type { PartPlan } from '../measuring/part.ts'
import { DriverError } from '../plan.ts'
import { ROOT } from '../stack.ts'
import { type FigureSample, figures } from './figures.ts'

/** All faults in turn take about a minute. */
const WITHIN_MS = 300_000

type Figure = 'reads' | 'hits' | 'failed' | 'stale' | 'slowest' | 'unconfirmed' | 'write' | 'recovered'

/** A row of the report that `apps/cache/test/faults.test.ts` writes. */
export interface Reported {
  readonly fault: string
  readonly readsPerSecond: number
  /** Per cent. */
  readonly hits: number
  readonly failedReads: number
  readonly staleReads: number
  readonly slowestReadMs: number
  readonly unconfirmedWrites: number
  readonly slowestWriteMs: number
  readonly recoveredAfterMs: number
}

export const faults = figures<Figure>({
  isOnce: true,
  seconds: 0,
  title: 'While something is broken',
  about: [
    'Three cache clients, each in a process of its own as a gateway is, read and write under a steady load, while something breaks: `apps/cache/test/faults.test.ts`. A read is stale where it began after an acknowledged write and returned an older value; none may be. What a gateway that is killed was asked fails with it. Recovered is the time from the end of the fault until every gateway has its session and all is answered.',
  ],
  figures: {
    reads: { title: 'reads/s', as: whole },
    hits: { title: 'hits %', as: figure },
    failed: { title: 'failed', as: whole },
    stale: { title: 'stale', as: whole },
    slowest: { title: 'slowest read ms', as: whole },
    unconfirmed: { title: 'unconfirmed writes', as: whole },
    write: { title: 'slowest write ms', as: whole },
    recovered: { title: 'recovered ms', as: whole },
  },
  async *measure(plan) {
    for (let round = 1; round <= plan.rounds; round++) {
      const { rows, broken } = await runTest(plan)
      if (broken !== undefined) yield { row: 'the test itself', round, figures: {}, faults: [broken] }
      yield* rows.map((row) => sampleOf(row, round))
    }
  },
})

export function sampleOf(row: Reported, round: number): FigureSample<Figure> {
  return {
    row: row.fault,
    round,
    figures: {
      ...{ reads: row.readsPerSecond, hits: row.hits, failed: row.failedReads, stale: row.staleReads },
      ...{ slowest: row.slowestReadMs, unconfirmed: row.unconfirmedWrites, write: row.slowestWriteMs },
      recovered: row.recoveredAfterMs,
    },
    faults: row.staleReads > 0 ? [`${row.staleReads} stale reads`] : [],
  }
}

/** `broken`: its last words, where it failed; the rows are those that it wrote all the same. */
async function runTest({ folder, environment, signal }: PartPlan) {
  const report = path.join(folder, 'faults.json')
  rmSync(report, { force: true })
  const vitest = path.join(path.dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
  const [config, root] = [path.join(ROOT, 'vitest.config.ts'), path.join(ROOT, 'apps/cache')]
  const told = ['run', '--config', config, '--root', root, '--dir', path.join(root, 'test'), 'faults']
  const options = { name: 'the test of faults', core: undefined, within: WITHIN_MS, signal }
  const broken = await withGenerator(
    { file: process.execPath, args: [vitest, ...told] },
    { ...options, environment: { PATH: environment['PATH'], FAULTS_REPORT: report } },
    async ({ ended }) => ended(),
  ).catch((error: Error) => {
    if (signal.aborted || !(error instanceof DriverError)) throw error
    return error.message
  })
  const rows: Reported[] = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : []
  const wrong = broken ?? (rows.length === 0 ? 'it told nothing' : undefined)
  return { rows, ...(wrong === undefined ? {} : { broken: wrong }) }
}
