/** `spillway users`: the db app's command line of accounts, told which PostgreSQL is the stack's. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { entry } from './apps.ts'
import { deployment } from './find-deployment.ts'
import type { Environment, Settings } from './settings.ts'
import type { StateDir } from './state.ts'

/** Resolves to its exit code. */
export async function users(config: Settings, state: StateDir, environment: Environment): Promise<number> {
  const DATABASE_URL = config.DATABASE_URL ?? (await (await deployment(state, environment)).database())
  const env = { ...environment, DATABASE_URL }
  const child = spawn(process.execPath, [entry('db', 'users'), ...process.argv.slice(3)], { stdio: 'inherit', env })
  // Ctrl-C reaches it by itself, while it asks for a password; we only stay until it is gone.
  process.on('SIGINT', () => {})
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
