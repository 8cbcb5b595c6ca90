/** A bounded number of things at once and a bounded queue before them, in which everybody has a line of his own. */

/**
 * `full`: there is no room to wait, or somebody with a shorter line took it. `late`: by the pace of late the turn would come
 * after the deadline. `left`: the signal aborted first, or the deadline passed. Whoever `entered` must `leave`.
 */
export type Entry = 'entered' | 'full' | 'late' | 'left'

export interface Visitor {
  /** Whose line: lines have their turn one after another; within one, first come, first served. Default: one for all. */
  as?: string
  /** On the gate's clock. Default: never. */
  deadlineAt?: number
}

interface Waiting {
  readonly as: string
  readonly deadlineAt: number
  readonly settle: (entry: Entry) => void
}

/** How much the last time between two turns counts in their mean. */
const WEIGHT = 1 / 16

export class Gate {
  readonly #limits: { readonly running: number; readonly waiting: number }
  readonly #now: () => number
  /** None is empty; the first has the next turn. */
  readonly #lines = new Map<string, Set<Waiting>>()
  #running = 0
  #waiting = 0
  /** Milliseconds from turn to turn while somebody waits: how fast the lines move. */
  #pace = 0
  #movedAt = 0

  /** @param now milliseconds on a clock that only goes forward */
  constructor(limits: { running: number; waiting: number }, now = () => performance.now()) {
    this.#limits = limits
    this.#now = now
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Waits for a turn. */
  async enter(signal: AbortSignal, { as = '', deadlineAt = Number.POSITIVE_INFINITY }: Visitor = {}): Promise<Entry> {
    if (signal.aborted) return 'left'
    if (this.#running < this.#limits.running) {
      this.#running++
      return 'entered'
    }
    const ahead = this.#ahead(as)
    // Behind nobody it is let wait in any case: else one slow hour could teach that nobody is ever to be let wait.
    if (ahead > 0 && this.#now() + (ahead + 1) * this.#pace > deadlineAt) return 'late'
    if (this.#waiting >= this.#limits.waiting && !this.#makeRoom(as)) return 'full'
    return this.#turn(signal, as, deadlineAt)
  }

  /** Gives the place to the next in line. */
  leave(): void {
    const now = this.#now()
    if (this.#waiting > 0) {
      this.#pace += (now - this.#movedAt - this.#pace) * WEIGHT
      this.#movedAt = now
    }
    for (let next = this.#next(); next; next = this.#next()) {
      const late = next.deadlineAt <= now
      this.#settle(next, late ? 'left' : 'entered')
      if (late) continue
      this.#rotate(next.as)
      return
    }
    this.#running--
  }

  #next(): Waiting | undefined {
    const [line] = this.#lines.values()
    return line?.values().next().value
  }

  /** Whoever has had a turn comes after all others. */
  #rotate(as: string): void {
    const line = this.#lines.get(as)
    if (!line) return
    this.#lines.delete(as)
    this.#lines.set(as, line)
  }

  /** How many have their turn before one who joins this line now, at most. */
  #ahead(as: string): number {
    const own = this.#lines.get(as)?.size ?? 0
    let ahead = 0
    for (const { size } of this.#lines.values()) ahead += Math.min(size, own + 1)
    return ahead
  }

  /** Sends away the last of the longest line, where that is longer than this one would be. */
  #makeRoom(as: string): boolean {
    let longest: Set<Waiting> | undefined
    for (const line of this.#lines.values()) if (line.size > (longest?.size ?? 0)) longest = line
    const own = this.#lines.get(as)?.size ?? 0
    if (!longest || longest.size <= own + 1) return false
    this.#settle([...longest].at(-1) as Waiting, 'full')
    return true
  }

  #turn(signal: AbortSignal, as: string, deadlineAt: number): Promise<Entry> {
    const { promise, resolve } = Promise.withResolvers<Entry>()
    if (this.#waiting === 0) this.#movedAt = this.#now()
    const giveUp = () => this.#settle(waiting, 'left')
    const waiting: Waiting = {
      as,
      deadlineAt,
      settle(entry) {
        signal.removeEventListener('abort', giveUp)
        resolve(entry)
      },
    }
    signal.addEventListener('abort', giveUp, { once: true })
    const line = this.#lines.get(as)
    if (line) line.add(waiting)
    else this.#lines.set(as, new Set([waiting]))
    this.#waiting++
    return promise
  }

  /** Takes it out of its line. */
  #settle(waiting: Waiting, entry: Entry): void {
    const line = this.#lines.get(waiting.as)
    line?.delete(waiting)
    if (line?.size === 0) this.#lines.delete(waiting.as)
    this.#waiting--
    waiting.settle(entry)
  }
}
