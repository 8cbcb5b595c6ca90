/** Entries in this process: bounded by bytes, fresh or stale, forgotten on command. */
import { s3Fifo, TtlCache } from '@spillway/ttl-cache'
import type { Entry } from './cache.ts'
import type { Purged } from './purge-log.ts'
import { ageOf, softened } from './windows.ts'

export class L1 {
  readonly #entries: TtlCache<Entry>
  readonly #clock: () => number

  constructor(maxBytes: number, clock: () => number) {
    this.#entries = new TtlCache({ maxBytes, policy: s3Fifo, clock })
    this.#clock = clock
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  isFresh(entry: Entry): boolean {
    return ageOf(entry, this.#clock()) < entry.windows.fresh
  }

  keep(entry: Entry): void {
    const { body, headers, tags, windows } = entry
    const bytes = body.length + headers.reduce((sum, [name, value]) => sum + name.length + value.length + 64, 0)
    this.#entries.set(entry.key, entry, { ttlMs: windows.keep - ageOf(entry, this.#clock()), bytes, tags })
  }

  drop(key: string): void {
    this.#entries.delete(key)
  }

  /** Drops what is named, or makes it stale. */
  forget({ all, keys = [], tags = [], soft }: Purged): void {
    if (soft) {
      const now = this.#clock()
      const soften = (entry: Entry) => softened(entry, entry.windows, now)
      if (all) this.#entries.revise(soften)
      if (tags.length > 0) this.#entries.revise(soften, tags)
      for (const entry of keys.map((key) => this.get(key))) if (entry) this.keep(soften(entry))
      return
    }
    if (all) this.clear()
    for (const key of keys) this.drop(key)
    for (const tag of tags) this.#entries.purgeTag(tag)
  }

  clear(): void {
    this.#entries.clear()
  }

  sweep(): boolean {
    return this.#entries.sweep()
  }

  get bytes(): number {
    return this.#entries.counters.bytes
  }
}
