/** Items in PostgreSQL. Each call is one statement, so it is atomic, and concurrent writes to one key queue on its row. */
import { Counter, type Registry } from '@spillway/metrics'
import type { Database, Statement } from '@spillway/postgres'
import type { Caller } from '@spillway/service'
import { Problem } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { errors } from './errors.ts'

/** Travels in paths, tags and cursors as it is: the unreserved characters of RFC 3986, but no dot segment. */
export const Key = Type.String({ pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._~-]{1,128}$' })

export const Item = Type.Object({
  key: Key,
  value: Type.Unknown(),
  /** From one counter for all items: it only grows, also over deletion. */
  version: Type.Integer(),
  updatedAt: Type.String({ format: 'date-time' }),
})
export type Item = Static<typeof Item>

export const Page = Type.Object({
  items: Type.Array(Item),
  /** The `after` of the next page; null on the last one. */
  next: Type.Union([Key, Type.Null()]),
})
export type Page = Static<typeof Page>

/** What must be true of the item for a write to happen (RFC 9110, 13.1). */
export type Precondition =
  | { readonly wants: 'nothing' }
  | { readonly wants: 'absent' }
  | { readonly wants: 'present' }
  | { readonly wants: 'version'; readonly versions: readonly number[] }

export type Written =
  | { readonly outcome: 'created' | 'replaced'; readonly item: Item }
  | { readonly outcome: 'missing' }
  /** `version` is what the item is at instead; without one there is no item. */
  | { readonly outcome: 'mismatch'; readonly version?: number }

interface Row {
  key: string
  value: unknown
  /** PostgreSQL's bigint, which pg gives as text. */
  version: string
  updated_at: Date
  created?: boolean
  /** Of a page: how many items there were to choose from. */
  candidates?: string
}

const COLUMNS = 'key, value, version, updated_at'
/** Only inside of the update is the row locked: a version drawn earlier could be written after a later one. */
const TOUCH = "version = nextval('item_versions'), updated_at = now()"
const WHERE = 'WHERE key = $1 AND ($2::bigint[] IS NULL OR version = ANY($2))'

/** Where a page of great items ends early; one alone always fits. */
const PAGE_BYTES = 4_194_304

const STATEMENTS = {
  read: `SELECT ${COLUMNS} FROM items WHERE key = $1`,
  page: `SELECT ${COLUMNS}, candidates FROM (
           SELECT *, count(*) OVER () AS candidates, sum(octet_length(value::text)) OVER (ORDER BY key) AS bytes
           FROM (SELECT * FROM items WHERE key > $1 ORDER BY key LIMIT $2) AS found
         ) AS measured WHERE bytes <= ${PAGE_BYTES} ORDER BY key`,
  version: 'SELECT version FROM items WHERE key = $1',
  put: `INSERT INTO items (key, value) VALUES ($1, $2)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, ${TOUCH} RETURNING ${COLUMNS}, xmax = 0 AS created`,
  create: `INSERT INTO items (key, value) VALUES ($1, $2)
           ON CONFLICT (key) DO NOTHING RETURNING ${COLUMNS}, true AS created`,
  replace: `UPDATE items SET value = $3, ${TOUCH} ${WHERE} RETURNING ${COLUMNS}`,
  merge: `UPDATE items SET value = merge_patch(value, $3), ${TOUCH} ${WHERE} RETURNING ${COLUMNS}`,
  remove: `DELETE FROM items ${WHERE} RETURNING ${COLUMNS}`,
} as const

const CHECK_VIOLATION = '23514'

export class Items {
  readonly #database: Database
  readonly #reads: Counter<'kind'>
  readonly #writes: Counter<'operation'>

  constructor(database: Database, registry: Registry) {
    this.#database = database
    const registers = [registry]
    this.#reads = new Counter({
      name: 'spillway_db_reads_total',
      help: 'Reads of items that PostgreSQL answered, by kind: item or page.',
      labelNames: ['kind'],
      registers,
    })
    this.#writes = new Counter({
      name: 'spillway_db_writes_total',
      help: 'Writes to items that PostgreSQL did, by operation: put, merge or remove.',
      labelNames: ['operation'],
      registers,
    })
  }

  async read(key: string, caller: Caller): Promise<Item | undefined> {
    const [row] = await this.#run('read', [key], caller)
    this.#reads.inc({ kind: 'item' })
    return row && itemOf(row)
  }

  /** Up to `limit` items and 4 MiB, in the order of their keys, those after `after`. */
  async page({ limit, after = '' }: { limit: number; after?: string }, caller: Caller): Promise<Page> {
    const rows = await this.#run('page', [after, limit + 1], caller)
    this.#reads.inc({ kind: 'page' })
    const items = rows.slice(0, limit).map(itemOf)
    const more = Number(rows[0]?.candidates ?? 0) > items.length
    return { items, next: more ? (items.at(-1)?.key ?? null) : null }
  }

  /** Makes or replaces the item. Never `missing`. */
  async put(key: string, value: unknown, precondition: Precondition, caller: Caller): Promise<Written> {
    const json = JSON.stringify(value)
    if (precondition.wants === 'nothing') return this.#write('put', 'put', [key, json], caller)
    const written =
      precondition.wants === 'absent'
        ? await this.#write('put', 'create', [key, json], caller)
        : await this.#write('put', 'replace', [key, versionsOf(precondition), json], caller)
    return written.outcome === 'missing' ? { outcome: 'mismatch' } : written
  }

  /** Merges `patch` into the item's value (RFC 7396). */
  async merge(key: string, patch: unknown, precondition: Precondition, caller: Caller): Promise<Written> {
    return this.#write('merge', 'merge', [key, versionsOf(precondition), JSON.stringify(patch)], caller)
  }

  /** `replaced` carries the item as it last was. */
  async remove(key: string, precondition: Precondition, caller: Caller): Promise<Written> {
    return this.#write('remove', 'remove', [key, versionsOf(precondition)], caller)
  }

  async #write(
    operation: string,
    statement: keyof typeof STATEMENTS,
    values: [key: string, ...unknown[]],
    caller: Caller,
  ): Promise<Written> {
    const [row] = await this.#run(statement, values, caller)
    if (row) {
      this.#writes.inc({ operation })
      return { outcome: row.created ? 'created' : 'replaced', item: itemOf(row) }
    }
    // Nothing was written: whether for want of the item or of its version is only told, so it may be asked afterwards.
    const [found] = await this.#run('version', values.slice(0, 1), caller)
    return found ? { outcome: 'mismatch', version: Number(found.version) } : { outcome: 'missing' }
  }

  async #run(name: keyof typeof STATEMENTS, values: unknown[], caller: Caller): Promise<readonly Row[]> {
    const statement: Statement = { name: `item_${name}`, text: STATEMENTS[name] }
    try {
      return await this.#database.query<Row>(statement, values, caller)
    } catch (cause) {
      if ((cause as { code?: string }).code !== CHECK_VIOLATION) throw cause
      throw new Problem(errors.item_too_large, { detail: 'the value would have more than 1 MiB', cause })
    }
  }
}

function itemOf({ key, value, version, updated_at }: Row): Item {
  return { key, value, version: Number(version), updatedAt: updated_at.toISOString() }
}

/** Null stands for any version; no version at all is what a write to something absent could be done to. */
function versionsOf(precondition: Precondition): readonly number[] | null {
  if (precondition.wants === 'version') return precondition.versions
  return precondition.wants === 'absent' ? [] : null
}
