/** `make status`: asks each service how it is. */
import { findDeployment, where } from './find-deployment.ts'
import type { Environment } from './settings.ts'
import type { StateDir } from './state.ts'
import { table } from './table.ts'

/** Resolves to 0 when everything is ready, else 1. */
export async function status(state: StateDir, environment: Environment): Promise<number> {
  const deployment = await findDeployment(state, environment)
  if (!deployment) {
    process.stdout.write(`Nothing is up ${where(state)}.\n`)
    return 1
  }
  const { head, rows, isReady, trouble } = await deployment.condition()
  process.stdout.write(`${table(head, rows)}\n`)
  if (trouble !== undefined) process.stdout.write(`\n${trouble}\n`)
  return isReady ? 0 : 1
}
