/** Virtual time: what is to happen, in order, and the chance that decides when. One seed, one course of events. */
import { seeded } from '@spillway/upstreams/simulation'

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
    this.random = seeded(seed)
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
