/** The shared cache for one gateway: L1 in this process, L2 behind the wire, and the flights between them. */
import { startSweeper } from '@spillway/ttl-cache'
import { type Dispatcher, Pool } from 'undici'
import type { Entry, Fill, Purge, Reading, SharedCache } from './cache.ts'
import { Failures } from './failures.ts'
import { Flight } from './flight.ts'
import { type CacheInspection, inspection } from './inspection.ts'
import { L1 } from './l1.ts'
import { serviceBudget } from './limits/service-budget.ts'
import type { Budget } from './limits/wire.ts'
import { type CacheLogger, Link } from './link.ts'
import { type Marks, passMarks } from './marks.ts'
import { VERDICT_MS } from './patience.ts'
import { sendPurge } from './purging.ts'
import { Refreshes } from './refreshes.ts'
import { ask, type Question, type Verdict } from './remote.ts'
import { TOLD } from './wire.ts'

/** Hears what other gateways tell. Must not throw. */
export interface CacheListener {
  heard(text: string): void
  /** Something may have been told that was not heard: there was no session. */
  missed(): void
}

export interface CacheClientOptions {
  /** The cache service, such as `http://127.0.0.1:5004`. */
  url: string
  /** This gateway's name, for the service's logs. */
  instance: string
  logger: CacheLogger
  /** Room for L1. Default: 64 MiB. */
  maxBytes?: number
  /**
   * How long a read waits for the cache service, or Valkey, to say what is to be done before it goes to the origin without
   * it, in milliseconds. Default: 250.
   */
  verdictMs?: number
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
  /** Default: nobody. Over Valkey and Redis nothing is told. */
  listener?: CacheListener
  /** The way to the service, destroyed with the client. Default: a pool of connections to `url`. */
  dispatcher?: Dispatcher
}

/** `live`: L1 and L2 are in use. Else reads go to the origin, coalesced, and `why` says what is missing. */
export type CacheState = { readonly live: true } | { readonly live: false; readonly why: string }

/** Since the start. */
export interface CacheCounters {
  readonly l2Hits: number
  /** Flights that L2 told to fill, and to wait for another gateway's fill. */
  readonly leases: number
  readonly waits: number
  /** Flights that went without L2: no session, no verdict in time, or an answer that was none. */
  readonly skipped: number
  /** What L1 takes now. */
  readonly bytes: number
}

export interface CacheClient extends SharedCache {
  readonly state: CacheState
  /** Of the cache service only. */
  readonly inspection?: CacheInspection
  /**
   * Tells every gateway, this one too. Resolves when each that has a session has heard it, as a purge does when it is done.
   * Of the cache service only.
   * @throws {PurgeUnconfirmed}
   */
  tell?(text: string): Promise<void>
  /** What limits borrow from that hold over all gateways. */
  readonly budget: Budget
  readonly counters: CacheCounters
}

const L1_BYTES = 64 * 1024 * 1024
const CONNECT_MS = 1000
/** Less than the service's own 75 s, so that nobody writes into a closing socket. */
const KEEP_ALIVE_MS = 60_000

/** Connects at once and stays connected until `close`. */
export function createCacheClient(options: CacheClientOptions): CacheClient {
  return new Client(options)
}

class Client implements CacheClient {
  readonly #clock: () => number
  readonly #verdictMs: number
  readonly #pool: Dispatcher
  readonly #l1: L1
  readonly #passMarks: Marks
  readonly #failures: Failures
  readonly #refreshes: Refreshes
  readonly #link: Link
  readonly inspection: CacheInspection
  readonly budget: Budget
  readonly #flights = new Map<string, Flight>()
  readonly #closing = new AbortController()
  readonly #stopSweeping: () => void
  readonly #counts = { hit: 0, lease: 0, wait: 0, pass: 0, nothing: 0 }

  constructor(options: CacheClientOptions) {
    const { url, instance, logger, listener, maxBytes = L1_BYTES, clock = () => performance.now() } = options
    this.#clock = clock
    this.#verdictMs = options.verdictMs ?? VERDICT_MS
    this.#l1 = new L1(maxBytes, clock)
    this.#passMarks = passMarks(clock)
    this.#failures = new Failures(clock)
    this.#refreshes = new Refreshes(clock)
    this.#stopSweeping = startSweeper(this.#l1)
    this.#pool = options.dispatcher ?? connectTo(url)
    this.inspection = inspection(this.#pool)
    this.budget = serviceBudget(this.#pool)
    this.#link = new Link({
      pool: this.#pool,
      instance,
      logger,
      clock,
      apply: (line) => {
        this.#l1.forget(line)
        if (listener && 'keys' in line) for (const text of line.keys.flatMap(toldBy)) listener.heard(text)
      },
      opened: () => listener?.missed(),
      empty: () => this.#l1.clear(),
    })
  }

  peek(key: string): Entry | undefined {
    return this.#link.live && this.#l1.get(key)
  }

  async read(key: string, url: string, fill: Fill, signal: AbortSignal, held?: Entry): Promise<Reading> {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    const entry = this.peek(key)
    if (entry && entry !== held && this.#l1.isFresh(entry)) return { outcome: 'hit', tier: 'l1', entry }
    const session = this.#link.live
    const running = this.#flights.get(key)
    if (running?.mayJoin(session)) {
      const joined = running.join(fill, signal, held)
      if (session) running.begin(session)
      return joined
    }
    if (!session && this.#passMarks.has(key)) return { outcome: 'pass' }
    const flight = this.#launch(key, url)
    const joined = flight.join(fill, signal, held)
    if (session || !running) this.#begin(flight)
    else void running.done.then(() => this.#begin(flight))
    return joined
  }

  isFailing(key: string): boolean {
    return this.#failures.has(key)
  }

  refresh(key: string, url: string, fill: Fill, held: Entry): void {
    if (this.#refreshes.rests(key) || this.#flights.get(key)?.mayJoin(this.#link.live)) return
    void this.#refreshes.run(key, (signal) => this.read(key, url, fill, signal, held))
  }

  async purge(purge: Purge): Promise<void> {
    this.#closing.signal.throwIfAborted()
    this.#l1.forget(purge)
    await sendPurge(this.#pool, purge, this.#closing.signal)
  }

  async tell(text: string): Promise<void> {
    await sendPurge(this.#pool, { keys: [TOLD + text] }, this.#closing.signal)
  }

  get state(): CacheState {
    const session = this.#link.live
    return session ? { live: true } : { live: false, why: this.#link.why }
  }

  get counters(): CacheCounters {
    const { hit: l2Hits, lease: leases, wait: waits, nothing: skipped } = this.#counts
    return { l2Hits, leases, waits, skipped, bytes: this.#l1.bytes }
  }

  async close(): Promise<void> {
    const reason = new Error('the cache client is closed')
    this.#closing.abort(reason)
    for (const flight of [...this.#flights.values()]) flight.cancel(reason)
    this.#stopSweeping()
    await this.#link.close()
    await this.#pool.destroy()
    this.#l1.clear()
  }

  #launch(key: string, url: string): Flight {
    const flight: Flight = new Flight(key, {
      clock: this.#clock,
      ask: (session, held, signal) =>
        this.#ask({
          ...{ key, url, session: session.id, held, verdictMs: this.#verdictMs },
          signals: [signal, session.ended],
        }),
      held: () => this.peek(key),
      keep: (entry) => {
        this.#failures.delete(key)
        this.#l1.keep(entry)
      },
      drop: () => this.#l1.drop(key),
      failed: (status) => this.#failures.add(key, status),
      mark: () => this.#passMarks.add(key),
      retire: () => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      },
    })
    this.#flights.set(key, flight)
    return flight
  }

  #begin(flight: Flight): void {
    const session = this.#link.live
    if (!session) this.#counts.nothing++
    flight.begin(session)
  }

  async #ask(question: Question): Promise<Verdict> {
    const verdict = await ask(this.#pool, question, this.#clock)
    this.#counts[verdict.name]++
    void verdict.answer.then(({ is }) => {
      // Else every reader comes upon it until its time is out.
      if (is === 'damaged') this.purge({ keys: [question.key] }).catch(() => {})
    })
    return verdict
  }
}

/** What a purged key tells, where it is no entry's. */
function toldBy(key: string): string[] {
  return key.startsWith(TOLD) ? [key.slice(TOLD.length)] : []
}

function connectTo(url: string): Pool {
  return new Pool(new URL(url).origin, {
    // As many as there are waits and fills under way; gateways bound those.
    connections: null,
    connectTimeout: CONNECT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveTimeoutThreshold: 2000,
  })
}
