import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MigrationError, migrate } from '../src/migrations.ts'
import { createDatabase, type TestDatabase } from './database.ts'

let database: TestDatabase
let folder: string

beforeEach(async () => {
  database = await createDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'spillway-migrations-'))
})
afterEach(async () => {
  await database.drop()
  await rm(folder, { recursive: true })
})
const file = (name: string, sql: string) => writeFile(path.join(folder, name), sql)
const run = () => migrate(database.client, folder)
const tables = async () =>
  (await database.sql(`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)).map(
    ({ tablename }) => tablename,
  )

it('applies each file once, in order, and later the new ones', async () => {
  await file('0002_b.sql', 'INSERT INTO a VALUES (2)')
  await file('0001_a.sql', 'CREATE TABLE a (n int); INSERT INTO a VALUES (1)')
  expect(await run()).toEqual(['0001_a.sql', '0002_b.sql'])
  expect(await run()).toEqual([])
  await file('0003_c.sql', 'INSERT INTO a VALUES (3)')
  expect(await run()).toEqual(['0003_c.sql'])
  expect(await database.sql('SELECT n FROM a')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
})

it('is safe for many at once: one applies, the others wait and find it done', async () => {
  await file('0001_a.sql', 'CREATE TABLE a (n int); SELECT pg_sleep(0.1)')
  await file('0002_b.sql', 'INSERT INTO a VALUES (1)')
  const clients = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      return client
    }),
  )
  const applied = await Promise.all(clients.map((client) => migrate(client, folder)))
  await Promise.all(clients.map((client) => client.end()))
  expect(applied.flat()).toEqual(['0001_a.sql', '0002_b.sql'])
  expect(await database.sql('SELECT n FROM a')).toEqual([{ n: 1 }])
})

it('undoes a file that fails as a whole, keeps those before it, and goes on when it is mended', async () => {
  await file('0001_a.sql', 'CREATE TABLE a (n int)')
  await file('0002_b.sql', 'CREATE TABLE b (n int); SELECT 1/0')
  await expect(run()).rejects.toThrow('0002_b.sql failed and was undone: division by zero')
  expect(await tables()).toEqual(['a', 'migrations'])
  await file('0002_b.sql', 'CREATE TABLE b (n int)')
  expect(await run()).toEqual(['0002_b.sql'])
})

it('refuses a file that was changed after it was applied', async () => {
  await file('0001_a.sql', 'CREATE TABLE a (n int)')
  await run()
  await file('0001_a.sql', 'CREATE TABLE a (n bigint)')
  await file('0002_b.sql', 'CREATE TABLE b (n int)')
  await expect(run()).rejects.toThrow(MigrationError)
  await expect(run()).rejects.toThrow('0001_a.sql was changed after it was applied')
  expect(await tables()).toEqual(['a', 'migrations'])
})

it('refuses a database that had files which are not there any more', async () => {
  await file('0001_a.sql', 'SELECT 1')
  await file('0002_b.sql', 'SELECT 1')
  await run()
  await rm(path.join(folder, '0002_b.sql'))
  await expect(run()).rejects.toThrow('0002_b.sql was applied to this database, but there is no such file any more')
})

it('refuses a new file that comes before one already applied', async () => {
  await file('0002_b.sql', 'SELECT 1')
  await run()
  await file('0001_a.sql', 'SELECT 1')
  await expect(run()).rejects.toThrow('0001_a.sql comes before 0002_b.sql')
})

it.each([['1_a.sql'], ['0001-a.sql'], ['0001_A.sql']])('refuses the name %s', async (name) => {
  await file(name, 'SELECT 1')
  await expect(run()).rejects.toThrow(name)
})

it('refuses two files of one number', async () => {
  await file('0001_a.sql', 'SELECT 1')
  await file('0001_b.sql', 'SELECT 1')
  await expect(run()).rejects.toThrow('0001_b.sql')
})

it('lets go of its lock whatever happens', async () => {
  await file('0001_a.sql', 'SELECT 1/0')
  await expect(run()).rejects.toThrow()
  expect(await database.sql(`SELECT count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory'`)).toEqual([
    { locks: 0 },
  ])
})

it('keeps apart what services with tables of their own have applied to one database', async () => {
  await file('0001_a.sql', 'CREATE TABLE a (n int)')
  await run()
  const other = await mkdtemp(path.join(tmpdir(), 'spillway-migrations-'))
  await writeFile(path.join(other, '0001_b.sql'), 'CREATE TABLE b (n int)')
  expect(await migrate(database.client, other, 'other_migrations')).toEqual(['0001_b.sql'])
  expect(await migrate(database.client, other, 'other_migrations')).toEqual([])
  await rm(other, { recursive: true })
  expect(await run()).toEqual([])
  expect(await tables()).toEqual(['a', 'b', 'migrations', 'other_migrations'])
})
