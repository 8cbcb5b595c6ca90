/** What the store holds, for people, page by page; looked through in slices, for there may be 100,000 entries. */
import { setImmediate as others } from 'node:timers/promises'
import { ageOf, digest, type EntriesPage } from '@spillway/cache-client'
import type { Store } from '@spillway/ttl-cache'
import type { Stored } from './leases.ts'

/** Well under a millisecond. */
const SLICE = 500
/**
 * Characters that a key is sorted by; its digest follows where it is longer, so that a cursor fits into any URL.
 */
const SORTED_BY = 256

interface Wanted {
  /** One of these begins its key or a tag. Empty: all. */
  readonly prefixes: readonly string[]
  /** Only keys whose place is after this one. */
  readonly after: string
  readonly limit: number
}

export async function list(store: Pick<Store<Stored>, 'entries'>, wanted: Wanted, now: number): Promise<EntriesPage> {
  const { prefixes, after, limit } = wanted
  const page = new Page(limit)
  let seen = 0
  for (const [, stored] of store.entries()) {
    if (++seen % SLICE === 0) await others()
    const { key, tags } = stored.sealed
    const place = placeOf(key)
    if (place > after && (prefixes.length === 0 || begins(prefixes, [key, ...tags]))) page.add(place, stored)
  }
  const entries = page.first()
  const last = entries.at(-1)?.sealed.key
  return {
    entries: entries.map((stored) => described(stored, now)),
    ...(page.isOver && last !== undefined ? { cursor: cursorOf(placeOf(last)) } : {}),
  }
}

/** The place of the last that was seen. */
export function placeAt(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString('utf16le')
}

/** As UTF-16, since a key may be cut in the middle of a character. */
function cursorOf(place: string): string {
  return Buffer.from(place, 'utf16le').toString('base64url')
}

/** No two keys have the same. */
function placeOf(key: string): string {
  return key.length > SORTED_BY ? key.slice(0, SORTED_BY) + digest(key) : key
}

function begins(prefixes: readonly string[], names: readonly string[]): boolean {
  return names.some((name) => prefixes.some((prefix) => name.startsWith(prefix)))
}

function described({ sealed: { key, tags, body, windows }, ...rest }: Stored, now: number): EntriesPage['entries'][0] {
  const ageMs = Math.max(0, Math.round(ageOf(rest, now)))
  return { key, tags: [...tags], ageMs, freshMs: Math.round(windows.fresh) - ageMs, bytes: body.length }
}

/** The first by place of all that are added, in memory for twice as many. */
class Page {
  readonly #limit: number
  #found = new Map<string, Stored>()
  /** Whether there were more. */
  isOver = false

  constructor(limit: number) {
    this.#limit = limit
  }

  add(place: string, stored: Stored): void {
    this.#found.set(place, stored)
    if (this.#found.size >= 2 * this.#limit + 1) this.#trim()
  }

  first(): Stored[] {
    this.#trim()
    return [...this.#found.values()]
  }

  #trim(): void {
    const sorted = [...this.#found].sort(([a], [b]) => (a < b ? -1 : 1))
    this.isOver ||= sorted.length > this.#limit
    this.#found = new Map(sorted.slice(0, this.#limit))
  }
}
