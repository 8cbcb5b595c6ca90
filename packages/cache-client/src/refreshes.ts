/** Reads in the background, of what is in use meanwhile; a key whose read failed rests before it is read so again. */
import type { Reading } from './cache.ts'
import { Marks } from './marks.ts'

/** What is in use lives on meanwhile, and the origin is not asked at once again. */
const REST_MS = 1000
/** The signal of a reader who does not leave. */
const NEVER = new AbortController().signal

export class Refreshes {
  readonly #resting: Marks

  constructor(clock: () => number) {
    this.#resting = new Marks(REST_MS, clock)
  }

  rests(key: string): boolean {
    return this.#resting.has(key)
  }

  /** Resolves when the read has ended; never rejects. */
  async run(key: string, read: (signal: AbortSignal) => Promise<Reading>): Promise<void> {
    const failed = await read(NEVER).then(
      ({ outcome }) => outcome === 'failed',
      () => true,
    )
    if (failed) this.#resting.add(key)
  }
}
