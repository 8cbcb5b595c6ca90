/** Who shares a lookup: those who came before it was sent. */
import type { Entry, Fill, Reading } from '../cache.ts'
import type { Flight } from '../flight.ts'

interface Reader {
  readonly fill: Fill
  readonly signal: AbortSignal
  readonly held: Entry | undefined
  readonly leave: () => void
  readonly resolve: (reading: Reading | Promise<Reading>) => void
  readonly reject: (reason: unknown) => void
}

/** The readers of one lookup. */
export class Batch {
  readonly #readers = new Set<Reader>()

  get isEmpty(): boolean {
    return this.#readers.size === 0
  }

  /** @throws the signal's reason, once it aborts */
  join(fill: Fill, signal: AbortSignal, held: Entry | undefined): Promise<Reading> {
    const { promise, resolve, reject } = Promise.withResolvers<Reading>()
    const leave = () => {
      this.#readers.delete(reader)
      reject(signal.reason)
    }
    const reader: Reader = { fill, signal, held, leave, resolve, reject }
    this.#readers.add(reader)
    signal.addEventListener('abort', leave, { once: true })
    return promise
  }

  /** All get this. */
  answer(reading: Reading): void {
    for (const reader of this.#dismissed()) reader.resolve(reading)
  }

  fail(reason: unknown): void {
    for (const { reject } of this.#dismissed()) reject(reason)
  }

  /** All are readers of that flight from now on. */
  board(flight: Flight): void {
    for (const { fill, signal, held, resolve } of this.#dismissed()) resolve(flight.join(fill, signal, held))
  }

  #dismissed(): Reader[] {
    const readers = [...this.#readers]
    this.#readers.clear()
    for (const { signal, leave } of readers) signal.removeEventListener('abort', leave)
    return readers
  }
}

/** One lookup is under way for each name, however many ask; those who come meanwhile share the next. */
export class Batches {
  readonly #sent = new Map<string, Promise<void>>()
  readonly #next = new Map<string, Batch>()

  /** The batch to join. `send` is its lookup, which never rejects; called once for each batch. */
  of(name: string, send: (batch: Batch) => Promise<void>): Batch {
    const next = this.#next.get(name)
    if (next) return next
    const batch = new Batch()
    const before = this.#sent.get(name)
    if (before === undefined) {
      this.#launch(name, batch, send)
    } else {
      this.#next.set(name, batch)
      void before.then(() => {
        this.#next.delete(name)
        this.#launch(name, batch, send)
      })
    }
    return batch
  }

  #launch(name: string, batch: Batch, send: (batch: Batch) => Promise<void>): void {
    const sent = send(batch).then(() => {
      if (this.#sent.get(name) === sent) this.#sent.delete(name)
    })
    this.#sent.set(name, sent)
  }
}
