/** The open load, in a process of its own on the client's core. */
import { fileURLToPath } from 'node:url'
import { withGenerator } from '../generators/generator.ts'
import { DriverError } from '../plan.ts'
import type { OpenLoad, OpenPlan } from './processes/open-load.ts'
import type { Means } from './sample.ts'

const OPEN_LOAD = fileURLToPath(import.meta.resolve('./processes/open-load.ts'))
/** A client that sends later than this at its p99 measures itself. */
export const LATE_MS = 5
/** Seconds beside the load's: the last requests' time limit, and starting. */
const ASIDE = 30

/** @throws {DriverError} where it fails */
export function openLoad(plan: OpenPlan, { environment, cores, signal }: Omit<Means, 'say'>): Promise<OpenLoad> {
  const name = 'the open load'
  const within = (plan.seconds + ASIDE) * 1000
  const options = {
    name,
    core: cores.client,
    environment: { PATH: environment['PATH'] },
    within,
    signal,
    channel: true,
  }
  return withGenerator({ file: process.execPath, args: [OPEN_LOAD] }, options, async ({ child, ended }) => {
    let load: OpenLoad | undefined
    child.once('message', (told: OpenLoad) => {
      load = told
    })
    child.send(plan, () => {})
    await ended()
    if (!load) throw new DriverError(`${name} ended without a result`)
    return load
  })
}
