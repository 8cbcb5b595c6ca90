/** The pace of a body that is not kept: the slowest of its readers sets it, as in Squid, unless he takes nothing at all. */
import type { Cursor } from './cursor.ts'
import type { Source } from './delivery.ts'

/** Bytes that may wait for the slowest reader before the source is held back. */
const HIGH_WATER = 65_536
/** Milliseconds that one reader may hold up others by taking nothing; then his answer breaks. */
const PATIENCE = 5000

export class Pace {
  readonly #readers: Set<Cursor>
  #size = 0
  #source: Source | undefined
  #patience: NodeJS.Timeout | undefined

  /** `readers`: those of now, at each call; whoever is given up is taken out. */
  constructor(readers: Set<Cursor>) {
    this.#readers = readers
  }

  /** Holds the source back or lets it on. `size`: bytes that have come. */
  keep(size: number, source: Source | undefined): void {
    this.#size = size
    this.#source = source
    const slowest = [...this.#readers].reduce((least, { at }) => Math.min(least, at), size)
    if (this.#readers.size > 0 && size - slowest <= HIGH_WATER) {
      this.stop()
      source?.resume()
    } else {
      source?.pause()
      if (this.#starving) this.#patience ??= this.#doubt()
    }
  }

  /** There is nothing to be waited for any more. */
  stop(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
  }

  #doubt(): NodeJS.Timeout {
    const places = new Map([...this.#readers].filter(({ at }) => at < this.#size).map((reader) => [reader, reader.at]))
    return setTimeout(() => {
      this.#patience = undefined
      if (!this.#starving) return
      for (const reader of this.#readers) if (places.get(reader) === reader.at) this.#giveUp(reader)
      this.keep(this.#size, this.#source)
    }, PATIENCE)
  }

  #giveUp(reader: Cursor): void {
    this.#readers.delete(reader)
    reader.delivery.fail(new Error(`took nothing for ${PATIENCE} ms of an answer that others wait for`))
  }

  /** Whether somebody has taken all there is. */
  get #starving(): boolean {
    return [...this.#readers].some(({ at }) => at === this.#size)
  }
}
