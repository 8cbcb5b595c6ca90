/** What is still to happen in virtual time, the next first: a binary heap. */

export class Agenda<Event extends { readonly at: number }> {
  readonly #heap: Event[] = []

  add(event: Event): void {
    let at = this.#heap.length
    for (let above = (at - 1) >> 1; at > 0 && this.#time(above) > event.at; above = (at - 1) >> 1) {
      this.#heap[at] = this.#heap[above] as Event
      at = above
    }
    this.#heap[at] = event
  }

  /** Removes what is next, if that is due. */
  take(now: number): Event | undefined {
    const first = this.#heap[0]
    if (!first || first.at > now) return undefined
    const last = this.#heap.pop() as Event
    if (last !== first) this.#sink(last)
    return first
  }

  #sink(event: Event): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const below = this.#time(left + 1) < this.#time(left) ? left + 1 : left
      if (this.#time(below) >= event.at) break
      this.#heap[at] = this.#heap[below] as Event
      at = below
    }
    this.#heap[at] = event
  }

  #time(at: number): number {
    return this.#heap[at]?.at ?? Number.POSITIVE_INFINITY
  }
}
