/** Which gateways may have an L1 in use, and what each has confirmed to have forgotten. */
import { randomUUID } from 'node:crypto'
import { SESSION_MS, type StreamLine } from '@spillway/cache-client'

/** The gateway's end of a purge stream. */
export interface Stream {
  send(line: StreamLine): void
  close(): void
}

/**
 * ```
 * open --stream closed, lagging, or 2 s without a receipt--> closed --2 s after the last receipt, or goodbye--> gone
 * ```
 * A closed session confirms nothing any more, yet its gateway may not know: purges still wait its time out.
 */
interface Session {
  readonly id: string
  /** What the gateway calls itself. */
  readonly gateway: string
  readonly stream: Stream
  state: 'open' | 'closed'
  confirmed: number
  /** Its gateway has given its L1 up by then. */
  until: number
}

export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Begins with an empty L1, so all up to `seq` is forgotten. */
  open(stream: Stream, gateway: string, seq: number): string {
    const id = randomUUID()
    this.#sessions.set(id, { id, gateway, stream, state: 'open', confirmed: seq, until: this.#clock() + SESSION_MS })
    return id
  }

  /** By the clock, not by what a timer has swept. */
  isAlive(id: string): boolean {
    const session = this.#sessions.get(id)
    return session?.state === 'open' && this.#clock() < session.until
  }

  /** A receipt from a session that is alive. */
  confirm(id: string, seq: number): void {
    const session = this.#sessions.get(id)
    if (!session) return
    session.confirmed = Math.max(session.confirmed, seq)
    session.until = this.#clock() + SESSION_MS
  }

  /** Closes it for good; whether it was open. */
  close(id: string): boolean {
    const session = this.#sessions.get(id)
    if (session?.state !== 'open') return false
    session.state = 'closed'
    session.stream.close()
    return true
  }

  /** Its gateway uses no L1 any more. */
  forget(id: string): void {
    this.#sessions.delete(id)
  }

  broadcast(line: StreamLine): void {
    for (const { state, stream } of [...this.#sessions.values()]) if (state === 'open') stream.send(line)
  }

  /** What every session has confirmed whose time is not out. */
  get confirmed(): number {
    const now = this.#clock()
    let least = Number.POSITIVE_INFINITY
    for (const { confirmed, until } of this.#sessions.values()) if (now < until) least = Math.min(least, confirmed)
    return least
  }

  /** Sessions that are open though their time is out. */
  get expired(): readonly string[] {
    const now = this.#clock()
    return [...this.#sessions.values()]
      .filter(({ state, until }) => state === 'open' && now >= until)
      .map(({ id }) => id)
  }

  /** Forgets those that no purge waits for any more. */
  sweep(): void {
    const now = this.#clock()
    for (const { id, state, until } of this.#sessions.values()) {
      if (state === 'closed' && now >= until) this.#sessions.delete(id)
    }
  }

  get opened(): readonly Pick<Session, 'id' | 'gateway' | 'confirmed'>[] {
    return [...this.#sessions.values()].filter(({ state }) => state === 'open')
  }
}
