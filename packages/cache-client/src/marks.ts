/** Keys of which something holds for a while, such as that answers under them may not be shared: bounded, by time and room. */
import { TtlCache } from '@spillway/ttl-cache'

/** Past that the eldest are forgotten. */
const MAX_BYTES = 1024 * 1024

export class Marks {
  readonly #marks: TtlCache<object>
  readonly #ms: number

  /** `ms`: how long a mark stands. `clock`: monotonic milliseconds. */
  constructor(ms: number, clock: () => number) {
    this.#marks = new TtlCache({ maxBytes: MAX_BYTES, clock })
    this.#ms = ms
  }

  add(key: string): void {
    this.#marks.set(key, {}, { ttlMs: this.#ms, bytes: 0 })
  }

  has(key: string): boolean {
    return this.#marks.get(key) !== undefined
  }

  delete(key: string): void {
    this.#marks.delete(key)
  }

  clear(): void {
    this.#marks.clear()
  }
}

/** What may not be shared is not queued for, where nobody else can hold the mark. */
export function passMarks(clock: () => number): Marks {
  return new Marks(10_000, clock)
}
