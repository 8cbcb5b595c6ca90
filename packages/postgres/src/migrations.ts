/** Brings a database to the newest schema: numbered SQL files, each once, in order, and never changed afterwards. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { type ClientBase, escapeIdentifier } from 'pg'

/** The files and the database tell different stories; the message says how. Nothing was changed. */
export class MigrationError extends Error {
  override name = 'MigrationError'
}

interface Migration {
  /** `0001_items.sql`: four digits give the order. */
  name: string
  sql: string
  checksum: string
}

/** Any number, the same for everybody who migrates. */
const LOCK = 7_745_529_001

/**
 * Applies what is missing, each file in a transaction of its own; whoever migrates at the same time waits.
 *
 * @param client connected, and used by nobody else meanwhile
 * @param table which keeps what was applied; services that share a database have one each, and see only their own
 * @returns the names applied now, in order
 * @throws {MigrationError} where a file was changed or lost after it was applied, or comes before one that was
 */
export async function migrate(client: ClientBase, folder: string, table = 'migrations'): Promise<readonly string[]> {
  const applied = escapeIdentifier(table)
  const files = await readMigrations(folder)
  await client.query('SELECT pg_advisory_lock($1)', [LOCK])
  try {
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${applied} (name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    )
    const { rows } = await client.query<{ name: string; checksum: string }>(
      `SELECT name, checksum FROM ${applied} ORDER BY name COLLATE "C"`,
    )
    const missing = pending(files, rows)
    for (const migration of missing) await apply(client, applied, migration)
    return missing.map(({ name }) => name)
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [LOCK])
  }
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  const odd = names.find((name, index) => !/^\d{4}_[a-z0-9_]+\.sql$/.test(name) || sameNumber(name, names[index - 1]))
  if (odd)
    throw new MigrationError(`${path.join(folder, odd)}: the name must be a number of its own and a name: 0001_x.sql`)
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(folder, name), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

function sameNumber(name: string, other = ''): boolean {
  return name.slice(0, 4) === other.slice(0, 4)
}

/** The files that come after those applied, once these are known to be the same and in the same order. */
function pending(
  files: readonly Migration[],
  applied: readonly { name: string; checksum: string }[],
): readonly Migration[] {
  for (const [index, { name, checksum }] of applied.entries()) {
    const file = files.find((each) => each.name === name)
    if (!file) throw new MigrationError(`${name} was applied to this database, but there is no such file any more`)
    if (file.checksum !== checksum) {
      throw new MigrationError(`${name} was changed after it was applied to this database; put changes into a new file`)
    }
    const unapplied = files[index]
    if (unapplied !== file) {
      throw new MigrationError(
        `${unapplied?.name} comes before ${name}, which was applied already; give it a later number`,
      )
    }
  }
  return files.slice(applied.length)
}

async function apply(client: ClientBase, applied: string, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(sql)
    await client.query(`INSERT INTO ${applied} (name, checksum) VALUES ($1, $2)`, [name, checksum])
    await client.query('COMMIT')
  } catch (cause) {
    await client.query('ROLLBACK')
    throw new MigrationError(`${name} failed and was undone: ${(cause as Error).message}`, { cause })
  }
}
