/** One session with the cache service, from its hello to its end: what is purged, and whether L1 may be used now. */
import { PurgeLog } from './purge-log.ts'
import { type Hello, L1_MS, type StreamLine } from './wire.ts'

export interface SessionEffects {
  /** Forgets in L1 what a line names. */
  apply(line: StreamLine): void
  /** `PUT /sessions/{id}`; resolves with the status. */
  confirm(id: string, seq: number, signal: AbortSignal): Promise<number>
  /** Monotonic milliseconds. */
  clock(): number
}

export class Session {
  readonly id: string
  readonly epoch: string
  readonly purges = new PurgeLog()
  readonly #effects: SessionEffects
  readonly #ended = new AbortController()
  #applied: number
  #usableUntil = Number.NEGATIVE_INFINITY
  #confirming = false
  #again = false

  constructor({ session, epoch, seq }: Hello, effects: SessionEffects) {
    this.id = session
    this.epoch = epoch
    this.#applied = seq
    this.#effects = effects
  }

  /** Every purge up to here has been applied. */
  get applied(): number {
    return this.#applied
  }

  /** Aborts when the session is over; it never comes back. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /**
   * Whether the service still waits for this session before it answers a purge. Ask at each use, and use the answer at
   * once: a process may have been stopped since the last time.
   */
  live(): boolean {
    return this.#effects.clock() < this.#usableUntil
  }

  /** Applies one line of the stream, then confirms it. */
  take(line: StreamLine): void {
    this.#effects.apply(line)
    this.purges.add(line.seq, line)
    this.#applied = line.seq
    void this.confirm()
  }

  /** One confirmation is under way at most; what came meanwhile is confirmed together by the next. */
  async confirm(): Promise<void> {
    this.#again = true
    if (this.#confirming) return
    this.#confirming = true
    while (this.#again && !this.ended.aborted) {
      this.#again = false
      await this.#confirmOnce()
    }
    this.#confirming = false
  }

  end(why: string): void {
    this.#usableUntil = Number.NEGATIVE_INFINITY
    this.#ended.abort(new Error(why))
  }

  async #confirmOnce(): Promise<void> {
    // Read before sending: the service's 2 s begin at receipt, so ours are over first.
    const sentAt = this.#effects.clock()
    try {
      const status = await this.#effects.confirm(this.id, this.#applied, this.ended)
      if (this.ended.aborted) return
      if (status === 204) this.#usableUntil = sentAt + L1_MS
      else this.end(`the cache service answered a confirmation with ${status}`)
    } catch {
      // Unanswered, so nothing is known: the next line is confirmed anew, or the time runs out.
    }
  }
}
