/** Where a bench begins: its client, the machine's cores, and folders of its own for results and for work. */
import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Bench } from '../bench.ts'
import { machine } from '../machine.ts'
import { makeFolder } from '../reporting/results.ts'
import { findClient } from './client.ts'
import { isShort } from './conditions.ts'
import { coresOf } from './cores.ts'
import type { Means } from './sample.ts'

/** `kind`: what the results' folder is called after, such as `balancer`. */
export async function begin({ config, environment, signal }: Bench, kind: string) {
  const client = await findClient(environment)
  const facts = machine()
  const cores = coresOf(facts.cores)
  const loadBefore = os.loadavg()[0] ?? 0
  const circumstances = { isShort: isShort(config), client: client.name, cores, loadBefore, path: environment['PATH'] }

  mkdirSync(config.RESULTS_DIR, { recursive: true })
  const { folder, startedAt } = makeFolder(config.RESULTS_DIR, kind, Date.now())
  const work = path.resolve(folder, 'work')
  mkdirSync(work)
  const say = (line: string) => void process.stdout.write(`${line}\n`)
  const means: Means = { environment, signal, cores, folder: work, say }
  const loadAverage = () => ({ before: loadBefore, after: os.loadavg()[0] ?? 0 })
  /** What the document says first, whatever was measured. */
  const head = {
    format: 1 as const,
    startedAt,
    machine: facts,
    cores,
    loadAverage: { before: loadBefore, after: loadBefore },
  }
  return { client, circumstances, folder, means, head, loadAverage }
}
