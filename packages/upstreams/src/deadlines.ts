/** Many deadlines on one timer: nearly every request is over long before its own, and would set a timer for nothing. */

/** Who must not be late. */
export interface Due {
  /** Belongs to whoever keeps it. */
  place: number
  /** Milliseconds on the clock of `Deadlines`; `Infinity`: never. May be put off while it is kept. */
  readonly deadlineAt: number
  /** Called once `deadlineAt` is over, for as long as it is kept. */
  late(): void
}

/** The timer runs only while somebody is kept, so that it holds up the end of no process. */
export class Deadlines<Member extends Due = Due> {
  /**
   * Not a Set: V8 leaves a table behind whenever one fills up with entries that came and went, and what such a table
   * refers to survives as long as it does. Where every request passes through, that made a fifth of its cost.
   */
  readonly #members: Member[] = []
  readonly #clock: () => number
  #timer: NodeJS.Timeout | undefined
  /** When the timer is set for: at the first deadline, or before it where that one has left since. */
  #lookAt = Number.POSITIVE_INFINITY

  /** @param clock milliseconds, monotonic */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock
  }

  get size(): number {
    return this.#members.length
  }

  add(member: Member): void {
    member.place = this.#members.push(member) - 1
    if (member.deadlineAt < this.#lookAt) this.#set(member.deadlineAt)
  }

  /** The last one takes its place. It must be here. */
  delete({ place }: Member): void {
    const last = this.#members.pop()
    if (last !== undefined && last.place !== place) {
      last.place = place
      this.#members[place] = last
    }
    if (this.#members.length === 0) this.#set(Number.POSITIVE_INFINITY)
  }

  /** From the last to the first: whoever takes the place of one that ends has had its turn. */
  each(act: (member: Member) => void): void {
    for (let place = this.#members.length - 1; place >= 0; place--) {
      const member = this.#members[place]
      if (member) act(member)
    }
  }

  #set(at: number): void {
    if (at === this.#lookAt) return
    clearTimeout(this.#timer)
    this.#lookAt = at
    if (at === Number.POSITIVE_INFINITY) return
    // Without a closure: where there is seldom more than one request, it is set for each.
    this.#timer = setTimeout(Deadlines.#look, Math.max(0, at - this.#clock()), this)
  }

  static #look(deadlines: Deadlines): void {
    const now = deadlines.#clock()
    deadlines.each((member) => member.deadlineAt <= now && member.late())
    let first = Number.POSITIVE_INFINITY
    for (const { deadlineAt } of deadlines.#members) first = Math.min(first, deadlineAt)
    deadlines.#lookAt = Number.POSITIVE_INFINITY
    deadlines.#set(first)
  }
}
