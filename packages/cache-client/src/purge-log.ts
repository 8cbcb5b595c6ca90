/** What was purged since when, in bounded memory: both ends of the wire ask it whether a fill was overtaken. */

/** Names remembered; 10,000 are purged in 2 s of 5,000 writes a second, and fills take less. */
const REMEMBERED = 10_000

/** What a purge, or a line of the purge stream, names; a ping names nothing. */
export interface Purged {
  readonly seq?: number
  readonly keys?: readonly string[]
  readonly tags?: readonly string[]
  readonly all?: true
  /** Made stale, not dropped. A fill that it overtook is as void as by any other. */
  readonly soft?: true
}

export class PurgeLog {
  readonly #names = new Map<string, number>()
  #all = 0
  #newestTag = 0
  /** The last purge of anything. */
  #newest = 0
  /** What was purged up to here may be forgotten. */
  #floor = 0

  /** `seq` must not be less than at the last call. */
  add(seq: number, purge: Purged): void {
    if (purge.all || purge.tags || purge.keys) this.#newest = seq
    if (purge.all) this.#all = seq
    if (purge.tags) this.#newestTag = seq
    for (const key of purge.keys ?? []) this.#remember(`k${key}`, seq)
    for (const tag of purge.tags ?? []) this.#remember(`t${tag}`, seq)
  }

  /** Whether anything of an entry was purged after `since`; where that is forgotten, yes. */
  overtook(since: number, key: string, tags: readonly string[]): boolean {
    // Nearly always: no name has to be looked for.
    if (since >= this.#newest) return false
    return (
      since < this.#floor ||
      this.#all > since ||
      this.#after(`k${key}`, since) ||
      tags.some((tag) => this.#after(`t${tag}`, since))
    )
  }

  /** The same for an entry whose tags are not known yet: any tag may be one of them. */
  mayHaveOvertaken(since: number, key: string): boolean {
    return this.#newestTag > since || this.overtook(since, key, [])
  }

  #after(name: string, since: number): boolean {
    return (this.#names.get(name) ?? 0) > since
  }

  #remember(name: string, seq: number): void {
    // Deleted first, so that the map's order is the order of purges.
    this.#names.delete(name)
    this.#names.set(name, seq)
    if (this.#names.size <= REMEMBERED) return
    const [oldest, purgedAt] = this.#names.entries().next().value as [string, number]
    this.#names.delete(oldest)
    this.#floor = purgedAt
  }
}
