/** A bounded number of things at once and a bounded queue before them, first come, first served. */

/** `full`: the queue has no place. `left`: the signal aborted first. Whoever `entered` must `leave`. */
export type Entry = 'entered' | 'full' | 'left'

export class Gate {
  readonly #limits: { readonly running: number; readonly waiting: number }
  readonly #queue = new Set<() => void>()
  #running = 0

  constructor(limits: { running: number; waiting: number }) {
    this.#limits = limits
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#queue.size
  }

  /** Waits for a turn. */
  async enter(signal: AbortSignal): Promise<Entry> {
    if (signal.aborted) return 'left'
    if (this.#running < this.#limits.running) {
      this.#running++
      return 'entered'
    }
    return this.#queue.size < this.#limits.waiting ? this.#turn(signal) : 'full'
  }

  /** Gives the place to the next in line. */
  leave(): void {
    const [next] = this.#queue
    if (!next) {
      this.#running--
      return
    }
    this.#queue.delete(next)
    next()
  }

  #turn(signal: AbortSignal): Promise<Entry> {
    const { promise, resolve } = Promise.withResolvers<Entry>()
    const come = () => {
      signal.removeEventListener('abort', giveUp)
      resolve('entered')
    }
    const giveUp = () => {
      this.#queue.delete(come)
      resolve('left')
    }
    signal.addEventListener('abort', giveUp, { once: true })
    this.#queue.add(come)
    return promise
  }
}
