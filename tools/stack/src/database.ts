/** `make database`: where the stack's PostgreSQL is, for psql and for the laboratory. */
import { postgresUrl } from './postgres.ts'
import { postgresPassword } from './secrets.ts'
import type { Settings } from './settings.ts'
import { StackError, type StateDir } from './state.ts'

/** Prints its URL alone, password included. */
export function database({ DATABASE_URL }: Settings, state: StateDir): number {
  const given = DATABASE_URL ?? state.readSupervisor()?.settings['DATABASE_URL']
  process.stdout.write(`${given ?? embedded(state)}\n`)
  return 0
}

function embedded(state: StateDir): string {
  const postgres = state.readStack()?.find(({ role }) => role === 'postgres')
  if (!postgres) throw new StackError(`nothing is up in ${state.path}; make up first.`)
  return postgresUrl(Number(new URL(postgres.url).port), postgresPassword(state))
}
