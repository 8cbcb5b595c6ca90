/** The requests of a cluster that are under way, and the clock by which their silence is measured. */

/** What is kept of a request: `place` belongs to whoever keeps it. */
interface Member {
  place: number
  sweep(): void
  abort(reason: Error): void
}

export class Running {
  /**
   * Not a Set: V8 leaves a table behind whenever one fills up with entries that came and went, and what such a table
   * refers to survives as long as it does. Where every request passes through, that made a fifth of its cost.
   */
  readonly #members: Member[] = []
  /** Milliseconds counted by sweeps: stands still while our own event loop does, so that its lag times nobody out. */
  swept = 0

  get size(): number {
    return this.#members.length
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1
  }

  /** The last one takes its place. It must be here. */
  delete({ place }: Member): void {
    const last = this.#members.pop()
    if (last === undefined || last.place === place) return
    last.place = place
    this.#members[place] = last
  }

  /** Ends what has been silent for too long; to be called every `ms`. */
  sweep(ms: number): void {
    this.swept += ms
    this.#each((member) => member.sweep())
  }

  abort(reason: Error): void {
    this.#each((member) => member.abort(reason))
  }

  /** From the last to the first: whoever takes the place of one that ends has had its turn. */
  #each(act: (member: Member) => void): void {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place]
      if (member) act(member)
    }
  }
}
