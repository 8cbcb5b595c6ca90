/** Who carries which tag, so that purging one takes a step, however many carry it. */

/** A name's carriers until it is purged; who carries the name afterwards carries another tag. */
export interface Tag<Carrier> {
  readonly name: string
  readonly carriers: Set<Carrier>
  purged: boolean
}

export class TagIndex<Carrier> {
  readonly #tags = new Map<string, Tag<Carrier>>()

  /** The tag that the name stands for now. */
  tag(name: string): Tag<Carrier> {
    const known = this.#tags.get(name)
    if (known) return known
    const tag = { name, carriers: new Set<Carrier>(), purged: false }
    this.#tags.set(name, tag)
    return tag
  }

  /** The same where somebody carries it. */
  known(name: string): Tag<Carrier> | undefined {
    return this.#tags.get(name)
  }

  remove(carrier: Carrier, tags: readonly Tag<Carrier>[]): void {
    for (const { name, carriers, purged } of tags) {
      carriers.delete(carrier)
      if (carriers.size === 0 && !purged) this.#tags.delete(name)
    }
  }

  /** The tag, which all who carry it can see to be purged; undefined where nobody does. */
  purge(name: string): Tag<Carrier> | undefined {
    const tag = this.#tags.get(name)
    if (!tag) return undefined
    tag.purged = true
    this.#tags.delete(name)
    return tag
  }
}
