/** `describe`: the stack that is up as JSON, for other tools; of the shape of `stack.json`. */
import { deployment } from './find-deployment.ts'
import type { Environment } from './settings.ts'
import type { StateDir } from './state.ts'

export async function describe(state: StateDir, environment: Environment): Promise<number> {
  const { settings, services } = await deployment(state, environment)
  process.stdout.write(`${JSON.stringify({ settings, services })}\n`)
  return 0
}
