/** `make simulate-policies`: every policy in every world, in virtual time. The same seed gives the same files. */
import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { policyNames } from '@spillway/upstreams'
import type { Bench } from '../bench.ts'
import { drawAll } from '../reporting/report.ts'
import { makeFolder, writeWhole } from '../reporting/results.ts'
import { charts } from './charts.ts'
import type { Case, Row } from './row.ts'
import { document } from './tables.ts'
import { worldNames } from './worlds.ts'

const ENDPOINTS = [10, 100, 1000]
const BALANCERS = [1, 10, 100]
const WORKER = new URL(import.meta.resolve('./worker.ts'))

/** Resolves to the exit code. */
export async function simulatePolicies({ config, signal }: Bench): Promise<number> {
  const cases = casesOf(config.ENDPOINTS === undefined ? ENDPOINTS : [config.ENDPOINTS], config.SEED)
  mkdirSync(config.RESULTS_DIR, { recursive: true })
  process.stdout.write(`${cases.length} simulations; those of many endpoints come first and take longest ...\n`)
  const rows = await simulateAll(cases, signal)

  const { folder } = makeFolder(config.RESULTS_DIR, 'policies', Date.now())
  const shown = charts(rows)
  const drawn = await drawAll(shown)
  for (const [index, svg] of drawn.entries()) writeFileSync(path.join(folder, `${shown[index]?.name}.svg`), svg)
  writeWhole(path.join(folder, 'policies.json'), `${JSON.stringify(rows, null, 1)}\n`)
  writeWhole(path.join(folder, 'report.md'), document(rows, shown, config.SEED))
  process.stdout.write(`The report: ${path.relative(process.cwd(), folder)}/report.md\n`)
  return 0
}

function casesOf(sizes: readonly number[], seed: number): Case[] {
  return worldNames.flatMap((world) =>
    sizes.flatMap((endpoints) =>
      BALANCERS.flatMap((balancers) => policyNames.map((policy) => ({ world, endpoints, balancers, policy, seed }))),
    ),
  )
}

/** On as many threads as there are cores; in the order of the cases. */
async function simulateAll(cases: readonly Case[], signal: AbortSignal): Promise<Row[]> {
  const rows: Row[] = []
  const waiting = [...cases.keys()].sort((one, other) => cost(cases[one]) - cost(cases[other]))
  const work = async () => {
    const worker = new Worker(WORKER)
    try {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        signal.throwIfAborted()
        rows[next] = await answer(worker, cases[next] as Case, signal)
        if (waiting.length % 50 === 0) process.stdout.write(`  ${waiting.length} to go\n`)
      }
    } finally {
      await worker.terminate()
    }
  }
  await Promise.all(Array.from({ length: os.availableParallelism() }, work))
  return rows
}

const cost = (each: Case | undefined) => (each?.endpoints ?? 0) * 1000 + (each?.balancers ?? 0)

function answer(worker: Worker, asked: Case, signal: AbortSignal): Promise<Row> {
  const { promise, resolve, reject } = Promise.withResolvers<Row>()
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop)
  worker.once('message', resolve).once('error', reject)
  worker.postMessage(asked)
  return promise.finally(() => {
    signal.removeEventListener('abort', stop)
    worker.off('error', reject)
  })
}
