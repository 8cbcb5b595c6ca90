/** Reads that go without Valkey: coalesced at this gateway, where those who arrive during a fill share the next one. */
import { Flight } from '../flight.ts'
import { type Marks, passMarks } from '../marks.ts'

export class Alone {
  /** The newest of each key, begun or not. */
  readonly #flights = new Map<string, Flight>()
  readonly #passMarks: Marks
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
    this.#passMarks = passMarks(clock)
  }

  passes(key: string): boolean {
    return this.#passMarks.has(key)
  }

  /** What may not be shared was seen. */
  mark(key: string): void {
    this.#passMarks.add(key)
  }

  /** `join` adds readers before the flight begins. */
  fly<T>(key: string, join: (flight: Flight) => T): T {
    const newest = this.#flights.get(key)
    if (newest?.mayJoin(undefined)) return join(newest)
    const flight: Flight = new Flight(key, {
      clock: this.#clock,
      ask: () => Promise.reject(new Error('there is nobody to ask')),
      held() {},
      keep() {},
      drop() {},
      failed() {},
      mark: () => this.mark(key),
      retire: () => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      },
    })
    this.#flights.set(key, flight)
    const joined = join(flight)
    if (newest) void newest.done.then(() => flight.begin(undefined))
    else flight.begin(undefined)
    return joined
  }

  cancel(reason: Error): void {
    for (const flight of [...this.#flights.values()]) flight.cancel(reason)
  }
}
