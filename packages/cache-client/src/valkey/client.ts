/** The shared cache for one gateway where Valkey or Redis is L2: no L1, so that what is purged there is purged everywhere. */
import type { Entry, Fill, Purge, Reading } from '../cache.ts'
import type { CacheClient, CacheClientOptions, CacheCounters, CacheState } from '../client.ts'
import { Flight } from '../flight.ts'
import type { Budget } from '../limits/wire.ts'
import { VERDICT_MS } from '../patience.ts'
import { Refreshes } from '../refreshes.ts'
import type { Answer } from '../remote.ts'
import { Session } from '../session.ts'
import { ageOf } from '../windows.ts'
import { Alone } from './alone.ts'
import { type Batch, Batches } from './batch.ts'
import { valkeyBudget } from './budget.ts'
import { Connection } from './connection.ts'
import { type Looked, Lookups, type Question } from './lookup.ts'
import { sendPurge } from './purging.ts'

/**
 * As `createCacheClient`, with Valkey or Redis at `url`: `redis[s]://[user[:password]@]host[:port][/db]`. The name of the
 * gateway and the room for L1 mean nothing here.
 * @throws {TypeError} for a URL that is none of these
 */
export function createValkeyClient(options: CacheClientOptions): CacheClient {
  return new ValkeyClient(options)
}

class ValkeyClient implements CacheClient {
  readonly budget: Budget
  readonly #clock: () => number
  readonly #connection: Connection
  readonly #lookups: Lookups
  readonly #refreshes: Refreshes
  readonly #refreshing = new Set<string>()
  readonly #batches = new Batches()
  /** By what they hold or wait for, such as `lease 17-a`. */
  readonly #flights = new Map<string, Flight>()
  readonly #alone: Alone
  readonly #closing = new AbortController()
  readonly #counts = { hit: 0, lease: 0, wait: 0, skipped: 0 }
  /** What a flight asks for instead: it never goes live, so that nothing is kept here. */
  readonly #session: Session

  constructor({ url, logger, verdictMs = VERDICT_MS, clock = () => performance.now() }: CacheClientOptions) {
    this.#clock = clock
    this.#connection = new Connection(url, logger, verdictMs)
    this.budget = valkeyBudget(this.#connection)
    this.#lookups = new Lookups(this.#connection, clock)
    this.#alone = new Alone(clock)
    this.#refreshes = new Refreshes(clock)
    this.#session = new Session({ session: '', epoch: '', seq: 0 }, { clock, apply() {}, confirm: async () => 0 })
  }

  peek(): undefined {}

  /** There is nothing here that could be used meanwhile. */
  isFailing(): boolean {
    return false
  }

  async read(key: string, url: string, fill: Fill, signal: AbortSignal, held?: Entry): Promise<Reading> {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
    if (this.#connection.why === undefined) return this.#batch({ key, url, held }).join(fill, signal, held)
    if (this.#alone.passes(key)) return { outcome: 'pass' }
    return this.#alone.fly(key, (flight) => flight.join(fill, signal, held))
  }

  refresh(key: string, url: string, fill: Fill, held: Entry): void {
    // Without Valkey nobody would have what comes of it.
    if (this.#connection.why || this.#refreshes.rests(key) || this.#refreshing.has(key)) return
    this.#refreshing.add(key)
    void this.#refreshes
      .run(key, (signal) => this.read(key, url, fill, signal, held))
      .finally(() => this.#refreshing.delete(key))
  }

  async purge(purge: Purge): Promise<void> {
    this.#closing.signal.throwIfAborted()
    await sendPurge(this.#connection, purge, this.#closing.signal)
  }

  get state(): CacheState {
    const { why } = this.#connection
    return why === undefined ? { live: true } : { live: false, why }
  }

  get counters(): CacheCounters {
    const { hit: l2Hits, lease: leases, wait: waits, skipped } = this.#counts
    return { l2Hits, leases, waits, skipped, bytes: 0 }
  }

  async close(): Promise<void> {
    const reason = new Error('the cache client is closed')
    this.#closing.abort(reason)
    // Before the fills that are cancelled call themselves failed.
    const given = this.#lookups.close()
    for (const flight of [...this.#flights.values()]) flight.cancel(reason)
    this.#alone.cancel(reason)
    await given
    this.#connection.close()
  }

  #batch(question: Question): Batch {
    const { key, held } = question
    // Those who have one get other answers than the rest.
    return this.#batches.of(held ? `held ${key}` : key, async (batch) => {
      const looked = await this.#lookups.look(question)
      if (batch.isEmpty) this.#lookups.release(key, looked)
      else this.#settle(question, batch, looked)
    })
  }

  #settle(question: Question, batch: Batch, looked: Looked): void {
    this.#count(looked)
    if (this.#closing.signal.aborted) {
      this.#lookups.release(question.key, looked)
      batch.fail(this.#closing.signal.reason)
    } else if (looked.is === 'hit') {
      const { entry } = looked
      batch.answer({ outcome: this.#isFresh(entry) ? 'hit' : 'stale', tier: 'l2', entry })
    } else if (looked.is === 'pass') {
      batch.answer({ outcome: 'pass' })
    } else if (looked.is === 'lease') {
      this.#board(batch, this.#fly(question, `lease ${looked.token}`, answered(looked)))
    } else if (looked.is === 'wait') {
      this.#board(batch, this.#awaiting(question, looked))
    } else {
      // Else every reader comes upon it until its time is out.
      if (looked.is === 'damaged') this.purge({ keys: [question.key] }).catch(() => {})
      this.#alone.fly(question.key, (flight) => batch.board(flight))
    }
  }

  #board(batch: Batch, flight: Flight): void {
    batch.board(flight)
    flight.begin(this.#session)
  }

  /** The flight that holds the lease or waits for it: this gateway's fill may be shared while no tag was purged since. */
  #awaiting(question: Question, { token, clean }: Extract<Looked, { is: 'wait' }>): Flight {
    const holding = clean ? this.#flights.get(`lease ${token}`) : undefined
    const waiting = holding ?? this.#flights.get(`wait ${token}`)
    if (waiting) return waiting
    this.#counts.wait++
    return this.#fly(question, `wait ${token}`, async (signal, rename) => {
      const decided = await this.#lookups.wait(question, token, signal, (next) => rename(`wait ${next}`))
      rename(decided.is === 'lease' ? `lease ${decided.token}` : undefined)
      return decided.is === 'hit' && this.#isFresh(decided.entry) ? { ...decided, is: 'filled' } : answerOf(decided)
    })
  }

  /** `name`: by what later readers find it, until it has ended or is called otherwise. */
  #fly(question: Question, name: string, answer: Answering): Flight {
    let known: string | undefined
    let retired = false
    const rename = (next: string | undefined) => {
      if (retired) return
      if (known && this.#flights.get(known) === flight) this.#flights.delete(known)
      known = next
      if (known) this.#flights.set(known, flight)
    }
    const flight: Flight = new Flight(question.key, {
      clock: this.#clock,
      ask: async (_session, _held, signal) => ({ name: 'wait', seq: 0, answer: answer(signal, rename) }),
      held() {},
      keep() {},
      drop() {},
      failed() {},
      mark: () => this.#alone.mark(question.key),
      retire: () => {
        rename(undefined)
        retired = true
      },
    })
    rename(name)
    return flight
  }

  #isFresh(entry: Entry): boolean {
    return ageOf(entry, this.#clock()) < entry.windows.fresh
  }

  #count({ is }: Looked): void {
    if (is === 'hit' || is === 'lease') this.#counts[is]++
    else if (is === 'nothing' || is === 'damaged') this.#counts.skipped++
  }
}

type Answering = (signal: AbortSignal, rename: (name: string | undefined) => void) => Promise<Answer>

const answered =
  (looked: Looked): Answering =>
  async () =>
    answerOf(looked)

/** What a flight makes of it. */
function answerOf(looked: Looked): Answer {
  if (looked.is === 'lease') return { is: 'lease', seq: 0, lease: looked.lease, stale: looked.stale }
  return looked.is === 'wait' ? { is: 'nothing', why: 'a wait ended without a decision' } : looked
}
