/** `spillway users`: adds, lists, changes and removes accounts. Ends with 0, with 1 where it could not, with 2 where it was not understood. */
import { ConfigError, readConfig } from '@spillway/service'
import pg from 'pg'
import { usersSettings } from './config.ts'
import { carryOut } from './users/carry-out.ts'
import { readCommand, USAGE, UsageError } from './users/command.ts'

const CONNECT_WITHIN_MS = 5000
/** Tables or columns that are not there (PostgreSQL's undefined_table, undefined_column). */
const UNPREPARED = ['42P01', '42703']

process.exitCode = await run(process.argv.slice(2))

async function run(args: readonly string[]): Promise<number> {
  if (args[0] === 'help' || args.includes('--help')) {
    process.stdout.write(USAGE)
    return 0
  }
  try {
    const command = readCommand(args)
    const client = await connect(readConfig(usersSettings, process.env).DATABASE_URL)
    try {
      const { said, printed, isDone } = await carryOut(command, client, {
        input: process.stdin,
        output: process.stderr,
      })
      if (said !== '') process.stderr.write(`${said}\n`)
      if (isDone && printed !== undefined) process.stdout.write(`${printed}\n`)
      return isDone ? 0 : 1
    } finally {
      await client.end()
    }
  } catch (error) {
    process.stderr.write(`users: ${reason(error)}\n`)
    if (error instanceof UsageError) process.stderr.write('users: spillway users help lists the commands\n')
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: 'users',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
  })
  await client.connect()
  return client
}

function reason(error: unknown): string {
  const { code = '', message } = error as { code?: string; message: string }
  if (UNPREPARED.includes(code))
    return 'the database is not prepared for accounts; db-init, which make up runs, does it'
  return message || code || String(error)
}
