import type { TestDatabase } from '@spillway/postgres/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migratedDatabase } from './world.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await migratedDatabase()
})
afterAll(() => database.drop())

it('the service’s own files make its schema', async () => {
  expect(await database.sql('SELECT name FROM migrations ORDER BY name')).toEqual([
    { name: '0001_items.sql' },
    { name: '0002_accounts.sql' },
    { name: '0003_revocations.sql' },
    { name: '0004_account_keys.sql' },
  ])
  const tables = await database.sql(`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)
  expect(tables.map(({ tablename }) => tablename)).toEqual([
    'accounts',
    'items',
    'migrations',
    'revocation_count',
    'revocations',
  ])
})
