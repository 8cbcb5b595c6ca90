/** PostgreSQL as the services use it: prepared statements over a bounded pool, patient for a bounded time, and watched. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Check } from '@spillway/health'
import { Gauge, Histogram } from '@spillway/metrics'
import type { Caller } from '@spillway/service'
import { Gate, Problem, type ServiceContext } from '@spillway/service'
import pg from 'pg'
import { errors } from './errors.ts'
import { trouble } from './trouble.ts'

/** PostgreSQL parses and plans it once per connection, under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  url: string
  /** SQL that succeeds where the service's tables are there, and reads nothing. */
  probe: string
  /** Milliseconds added before each query, spent without a connection. Default: 0. */
  latencyMs?: number
}

const CONNECTIONS = 10
/** With those running 1,024: what a cluster's callers may have under way. */
const WAITING = 1014
const CONNECT_WITHIN_MS = 2000
const STATEMENT_WITHIN_MS = 5000
/** Our own clock strikes after PostgreSQL's, so that it can say why; it matters where the connection has gone dead. */
const QUERY_WITHIN_MS = 6000
const PROBE_EVERY_MS = 1000

type Known = { readonly state: 'unknown' | 'here' } | { readonly state: 'away'; readonly detail: string }

/** Measured as `spillway_{service}_pool_connections`, `..._pool_waiting` and `..._query_duration_seconds`. */
export class Database {
  readonly #pool: pg.Pool
  readonly #proof: Statement
  readonly #gate = new Gate({ running: CONNECTIONS, waiting: WAITING })
  readonly #latencyMs: number
  readonly #logger: ServiceContext['logger']
  readonly #duration: Histogram<'query'>
  #known: Known = { state: 'unknown' }
  #timer: NodeJS.Timeout | undefined
  #probing: Promise<void> | undefined

  constructor({ url, probe, latencyMs = 0 }: DatabaseOptions, context: ServiceContext) {
    const { logger, instance } = context
    this.#proof = { name: 'probe', text: probe }
    this.#latencyMs = latencyMs
    this.#logger = logger
    this.#pool = new pg.Pool({
      connectionString: url,
      application_name: instance,
      // More than the gate lets through, so that the probe and what is asked aside never queue behind them.
      max: CONNECTIONS + 2,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      statement_timeout: STATEMENT_WITHIN_MS,
      keepAlive: true,
    })
    // An idle connection was lost; the pool has dropped it already, and without a listener this would end the process.
    this.#pool.on('error', () => void this.#probe())
    this.#duration = measure(this.#pool, this.#gate, context)
  }

  /**
   * Runs one statement. Gives up while it waits when `caller` leaves.
   * @throws {Problem} `database_busy`, `database_unavailable`, `database_timeout`, `caller_left`
   * @throws {pg.DatabaseError} what PostgreSQL itself refuses
   */
  async query<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: unknown[],
    caller: Caller,
  ): Promise<readonly Row[]> {
    if (this.#latencyMs > 0) await delay(this.#latencyMs, caller)
    const entry = await this.#gate.enter(caller.signal)
    if (entry === 'left') throw new Problem(errors.caller_left)
    if (entry === 'full') throw new Problem(errors.database_busy, { headers: { 'retry-after': '1' } })
    const stop = this.#duration.startTimer({ query: statement.name })
    try {
      const { rows } = await this.#run<Row>(statement, values, Math.min(QUERY_WITHIN_MS, left(caller)))
      return rows
    } catch (error) {
      throw this.#understood(error)
    } finally {
      stop()
      this.#gate.leave()
    }
  }

  /**
   * Past the line, unmeasured and without the latency: for what the service itself looks at again and again, one query at
   * a time. Rejects as PostgreSQL does, or after 2 s.
   */
  async aside<Row extends pg.QueryResultRow>(statement: Statement, values: unknown[]): Promise<readonly Row[]> {
    return (await this.#run<Row>(statement, values, CONNECT_WITHIN_MS)).rows
  }

  /** Whether PostgreSQL answers, as the last probe found it. */
  readonly check: Check = () => {
    if (this.#known.state === 'here') return { status: 'ok' }
    return { status: 'failing', detail: this.#known.state === 'away' ? this.#known.detail : 'not asked yet' }
  }

  /** Probes now and every second until closed. Resolves after the first probe, whatever it found. */
  async watch(): Promise<void> {
    this.#timer = setInterval(() => void this.#probe(), PROBE_EVERY_MS)
    await this.#probe()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#probing
    if (!this.#pool.ending) await this.#pool.end()
  }

  #run<Row extends pg.QueryResultRow>(statement: Statement, values: unknown[], withinMs: number) {
    return this.#pool.query<Row>({ ...statement, values, query_timeout: withinMs } as pg.QueryConfig)
  }

  #probe(): Promise<void> {
    this.#probing ??= this.#run(this.#proof, [], CONNECT_WITHIN_MS).then(
      () => this.#learn({ state: 'here' }),
      (error) => this.#learn({ state: 'away', detail: trouble(error) }, error),
    )
    return this.#probing
  }

  #learn(now: Known, cause?: unknown): void {
    this.#probing = undefined
    const before = this.#known
    this.#known = now
    if (isDeepStrictEqual(before, now)) return
    if (now.state === 'away') this.#logger.warn({ err: cause, detail: now.detail }, 'the database is away')
    else this.#logger.info('the database is here')
  }

  /** What our callers are told; a failure that PostgreSQL answers with for cause stays as it is. */
  #understood(cause: unknown): unknown {
    const { code = '', message = '' } = cause as { code?: string; message?: string }
    if (cause instanceof Problem || cause instanceof TypeError) return cause
    if (code === QUERY_CANCELED || message === 'Query read timeout') {
      return new Problem(errors.database_timeout, { cause })
    }
    if (cause instanceof pg.DatabaseError && !UNABLE.test(code)) return cause
    void this.#probe()
    return new Problem(errors.database_unavailable, { headers: { 'retry-after': '1' }, cause })
  }
}

const QUERY_CANCELED = '57014'
/** SQLSTATE classes: connection, authorization, no such database, out of resources, shutting down or starting up. */
const UNABLE = /^(08|28|3D|53|57P)/

/** Milliseconds until the caller stops waiting. */
function left({ deadlineAt }: Caller): number {
  const ms = deadlineAt - performance.now()
  // pg takes whole milliseconds, and 0 for no limit.
  if (ms < 1) throw new Problem(errors.database_timeout, { detail: 'the caller’s x-timeout-ms ran out' })
  return Math.floor(ms)
}

async function delay(ms: number, caller: Caller): Promise<void> {
  const waits = left(caller)
  try {
    await sleep(Math.min(ms, waits), undefined, { signal: caller.signal })
  } catch (cause) {
    throw caller.signal.aborted ? new Problem(errors.caller_left, { cause }) : cause
  }
  if (waits < ms) throw new Problem(errors.database_timeout, { detail: 'the caller’s x-timeout-ms ran out' })
}

function measure(pool: pg.Pool, gate: Gate, { service, registry }: ServiceContext): Histogram<'query'> {
  const registers = [registry]
  new Gauge({
    name: `spillway_${service}_pool_connections`,
    help: 'Connections to PostgreSQL.',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'idle' }, pool.idleCount)
      this.set({ state: 'used' }, pool.totalCount - pool.idleCount)
    },
  })
  new Gauge({
    name: `spillway_${service}_pool_waiting`,
    help: 'Queries that wait for a connection.',
    registers,
    collect() {
      this.set(gate.waiting)
    },
  })
  return new Histogram({
    name: `spillway_${service}_query_duration_seconds`,
    help: 'Duration of queries, from connection to rows; the simulated latency is not in it.',
    labelNames: ['query'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
}
