/** The shared cache of one process that shares it with nobody: the same flights and rules, without a service. */
import { startSweeper } from '@spillway/ttl-cache'
import type { Entry, Fill, Purge, Reading, SharedCache } from './cache.ts'
import { Failures } from './failures.ts'
import { Flight } from './flight.ts'
import { L1 } from './l1.ts'
import type { Lease } from './lease.ts'
import { type Marks, passMarks } from './marks.ts'
import { Refreshes } from './refreshes.ts'
import { Session } from './session.ts'

export interface MemoryCacheOptions {
  /** Room for entries, bookkeeping included. Default: 64 MiB. */
  maxBytes?: number
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
}

const MAX_BYTES = 64 * 1024 * 1024
/** Nobody else fills, waits, or has to be told. */
const LEASE: Lease = { fill: async () => true, abandon: async () => {}, surrender: async () => {}, drop() {} }

/** Must be closed by whoever made it: it sweeps. */
export function memoryCache(options: MemoryCacheOptions = {}): SharedCache {
  return new MemoryCache(options)
}

class MemoryCache implements SharedCache {
  readonly #clock: () => number
  readonly #entries: L1
  readonly #passMarks: Marks
  readonly #failures: Failures
  readonly #refreshes: Refreshes
  readonly #flights = new Map<string, Flight>()
  readonly #closing = new AbortController()
  readonly #stopSweeping: () => void
  readonly #session: Session
  #seq = 0

  constructor({ maxBytes = MAX_BYTES, clock = () => performance.now() }: MemoryCacheOptions) {
    this.#clock = clock
    this.#entries = new L1(maxBytes, clock)
    this.#passMarks = passMarks(clock)
    this.#failures = new Failures(clock)
    this.#refreshes = new Refreshes(clock)
    this.#stopSweeping = startSweeper(this.#entries)
    const apply = (purge: Parameters<L1['forget']>[0]) => this.#entries.forget(purge)
    // There is no service to be out of touch with: its time stands still, so that it stays alive.
    this.#session = new Session({ session: '', epoch: '', seq: 0 }, { apply, clock: () => 0, confirm: async () => 204 })
    void this.#session.confirm()
  }

  peek(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  async read(key: string, _url: string, fill: Fill, signal: AbortSignal, held?: Entry): Promise<Reading> {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    const entry = this.peek(key)
    if (entry && entry !== held && this.#entries.isFresh(entry)) return { outcome: 'hit', tier: 'l1', entry }
    const running = this.#flights.get(key)
    if (running?.mayJoin(this.#session)) return running.join(fill, signal, held)
    if (this.#passMarks.has(key)) return { outcome: 'pass' }
    const flight = this.#launch(key)
    const joined = flight.join(fill, signal, held)
    flight.begin(this.#session)
    return joined
  }

  isFailing(key: string): boolean {
    return this.#failures.has(key)
  }

  refresh(key: string, url: string, fill: Fill, held: Entry): void {
    if (this.#refreshes.rests(key) || this.#flights.get(key)?.mayJoin(this.#session)) return
    void this.#refreshes.run(key, (signal) => this.read(key, url, fill, signal, held))
  }

  async purge(purge: Purge): Promise<void> {
    this.#closing.signal.throwIfAborted()
    for (const key of 'keys' in purge ? purge.keys : []) this.#passMarks.delete(key)
    if ('all' in purge) this.#passMarks.clear()
    this.#session.take({ seq: ++this.#seq, ...purge } as Parameters<Session['take']>[0])
  }

  async close(): Promise<void> {
    const reason = new Error('the cache is closed')
    this.#closing.abort(reason)
    for (const flight of [...this.#flights.values()]) flight.cancel(reason)
    this.#stopSweeping()
    this.#entries.clear()
  }

  #launch(key: string): Flight {
    const flight: Flight = new Flight(key, {
      clock: this.#clock,
      ask: async ({ applied: seq }) => ({
        name: 'lease',
        seq,
        answer: Promise.resolve({ is: 'lease', seq, lease: LEASE, stale: undefined }),
      }),
      held: () => this.peek(key),
      keep: (entry) => {
        this.#failures.delete(key)
        this.#entries.keep(entry)
      },
      drop: () => this.#entries.drop(key),
      failed: (status) => this.#failures.add(key, status),
      mark: () => this.#passMarks.add(key),
      retire: () => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      },
    })
    this.#flights.set(key, flight)
    return flight
  }
}
