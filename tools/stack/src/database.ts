/** `make database`: where the stack's PostgreSQL is, for psql and for the laboratory. */
import { deployment } from './find-deployment.ts'
import type { Environment, Settings } from './settings.ts'
import type { StateDir } from './state.ts'

/** Prints its URL alone, password included. */
export async function database({ DATABASE_URL }: Settings, state: StateDir, environment: Environment): Promise<number> {
  process.stdout.write(`${DATABASE_URL ?? (await (await deployment(state, environment)).database())}\n`)
  return 0
}
