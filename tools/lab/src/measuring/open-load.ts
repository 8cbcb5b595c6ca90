/** The open load, in a process of its own on the client's core. */
import { fileURLToPath } from 'node:url'
import { loadIn } from './load-in.ts'
import type { OpenLoad, OpenPlan } from './processes/open-load.ts'
import type { Means } from './sample.ts'

const OPEN_LOAD = fileURLToPath(import.meta.resolve('./processes/open-load.ts'))
/** A client that sends later than this at its p99 measures itself. */
export const LATE_MS = 5
/** Seconds beside the load's: the last requests' time limit, and starting. */
const ASIDE = 30

/** @throws {DriverError} where it fails */
export function openLoad(plan: OpenPlan, { environment, cores, signal }: Omit<Means, 'say'>): Promise<OpenLoad> {
  const within = (plan.seconds + ASIDE) * 1000
  const own = { PATH: environment['PATH'] }
  return loadIn(OPEN_LOAD, plan, { name: 'the open load', core: cores.client, environment: own, within, signal })
}
