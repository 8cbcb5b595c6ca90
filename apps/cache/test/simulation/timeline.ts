/** Virtual time: what is to happen, in order, and the chance that decides when. One seed, one course of events. */

/** Uniform over 0 to 1; mulberry32. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Event {
  readonly at: number
  readonly happen: () => void
}

export class Timeline {
  /** True milliseconds, which no machine's clock shows. */
  now = 0
  readonly random: () => number
  readonly #events: Event[] = []

  constructor(seed: number) {
    this.random = chance(seed)
  }

  /** What happens at the same moment happens in the order in which it was planned. */
  at(moment: number, happen: () => void): void {
    const at = Math.max(moment, this.now)
    let index = this.#events.length
    while (index > 0 && (this.#events[index - 1] as Event).at > at) index--
    this.#events.splice(index, 0, { at, happen })
  }

  /** Lets happen what is due within `ms`; after each event all that follows from it at once, then `then`. */
  async pass(ms: number, then: () => void): Promise<void> {
    const end = this.now + ms
    for (let next = this.#events[0]; next && next.at <= end; next = this.#events[0]) {
      this.#events.shift()
      this.now = next.at
      next.happen()
      await quiet()
      then()
    }
    this.now = end
  }
}

/** Promises and streams have nothing left to do: a stream that is destroyed takes one turn of the loop more. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
}
