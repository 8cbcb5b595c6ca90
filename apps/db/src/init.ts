/** Prepares the database once and ends: migrations, and for a demonstration its items and accounts. Safe to run again. */
import path from 'node:path'
import { migrate } from '@spillway/postgres'
import { ConfigError, createLogger, readConfig } from '@spillway/service'
import pg from 'pg'
import { initSettings } from './config.ts'
import { addSampleItems, putAccounts, readAccounts } from './demo.ts'

const MIGRATIONS = path.join(import.meta.dirname, '..', 'migrations')

const config = settingsOrExit()
const logger = createLogger({ service: 'db-init', instance: config.INSTANCE ?? 'db-init', level: config.LOG_LEVEL })

try {
  await prepare()
} catch (error) {
  logger.fatal({ err: error }, `could not prepare the database: ${(error as Error).message || String(error)}`)
  process.exitCode = 1
}

async function prepare(): Promise<void> {
  const demo = config.SPILLWAY_DEMO === '1'
  const accounts = demo && config.ACCOUNTS_FILE !== undefined ? await readAccounts(config.ACCOUNTS_FILE) : []
  const client = new pg.Client({ connectionString: config.DATABASE_URL, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    const applied = await migrate(client, MIGRATIONS)
    const items = demo ? await addSampleItems(client, config.SAMPLE_ITEMS) : 0
    const changed = await putAccounts(client, accounts)
    logger.info({ applied, items, accounts: changed }, 'the database is prepared')
  } finally {
    await client.end()
  }
}

function settingsOrExit() {
  try {
    return readConfig(initSettings, process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`db-init: ${error.message}\n`)
    process.exit(1)
  }
}
