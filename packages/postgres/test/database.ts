/** A database of its own for each test, in the run's PostgreSQL. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { migrate } from '../src/index.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
  }
}

export interface TestDatabase {
  url: string
  /** Runs SQL in it, past the service. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  client: pg.Client
  drop(): Promise<void>
}

/** @param migrations a folder of them to apply; without it the database is empty */
export async function createDatabase(migrations?: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = await connect(inject('postgresUrl'))
  await admin.query(`CREATE DATABASE ${name}`)
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  const client = await connect(url.href)
  if (migrations !== undefined) await migrate(client, migrations)
  return {
    url: url.href,
    client,
    sql: async (text, values) => (await client.query(text, values)).rows,
    async drop() {
      await client.end()
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await admin.end()
    },
  }
}

/** To be ended by whoever asked for it. */
export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}
