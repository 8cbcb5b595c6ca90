/** `make load-accounts`: many accounts for the scenario `login-mix`, which all have the demo reader's password. */
import pg from 'pg'
import type { Environment, Settings } from './settings.ts'
import { LabError, runningStack } from './stack.ts'

/** Copies what is stored of the reader: a password is hashed once, not a hundred times. Those that exist get it anew. */
const ADD = `INSERT INTO accounts (username, key, password, roles)
  SELECT 'load-' || index, 'load-' || index, password, '{reader}' FROM accounts, generate_series(1, $1::int) AS index
  WHERE username = 'reader' ON CONFLICT (username) DO UPDATE SET password = excluded.password`

/** Resolves to the exit code. */
export async function loadAccounts({ ACCOUNTS, STATE_DIR }: Settings, environment: Environment): Promise<number> {
  const stack = await runningStack(STATE_DIR, environment)
  const client = new pg.Client({ connectionString: await stack.ask('database'), application_name: 'lab' })
  await client.connect()
  try {
    const { rowCount } = await client.query(ADD, [ACCOUNTS])
    if (!rowCount) throw new LabError('there is no account reader to take the password from.')
  } finally {
    await client.end()
  }
  const names = ACCOUNTS === 1 ? 'load-1 has' : `load-1 to load-${ACCOUNTS} have`
  process.stdout.write(`${names} the password of reader, which \`make accounts\` shows.\n`)
  return 0
}
