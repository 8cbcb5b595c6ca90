/** Changes to many entries that take one step each: an entry is changed when it is found, or by sweeping, whichever is first. */

export interface Revisable<V> {
  value: V
  /** From {@link Revisions.next} as it was stored; later that of the last change made to it. */
  order: number
}

interface Revision<V, Held> {
  /** Concerns what was stored before. */
  readonly order: number
  readonly change: (value: V) => V
  readonly concerns: (held: Held) => boolean
  /** Those that sweeping has yet to come to; nothing among them that was stored since is changed. */
  readonly left: Iterator<Held>
}

export class Revisions<V, Held extends Revisable<V>> {
  /** Oldest first; nearly always none. */
  readonly #pending = new Set<Revision<V, Held>>()
  #order = 0

  next(): number {
    return ++this.#order
  }

  add({ change, concerns, among }: Pick<Revision<V, Held>, 'change' | 'concerns'> & { among: Iterable<Held> }): void {
    this.#pending.add({ order: this.next(), change, concerns, left: among[Symbol.iterator]() })
  }

  /** The value, with every change that was to be made to it. */
  valueOf(held: Held): V {
    for (const { order, change, concerns } of this.#pending) {
      if (held.order >= order || !concerns(held)) continue
      held.value = change(held.value)
      held.order = order
    }
    return held.value
  }

  /** Makes one change a step; may be left at any, and begun anew. */
  *sweep(): Generator<void> {
    for (const revision of this.#pending) {
      // Not by a loop over it, which would end it wherever this one is left.
      for (let next = revision.left.next(); !next.done; next = revision.left.next()) {
        this.valueOf(next.value)
        yield
      }
      this.#pending.delete(revision)
    }
  }

  clear(): void {
    this.#pending.clear()
  }
}
