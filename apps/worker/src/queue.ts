/** pg-boss as this service uses it: one queue for all jobs, and one for those that failed for good. */
import path from 'node:path'
import type { Check } from '@spillway/health'
import { type Database, databaseProblems, migrate, trouble } from '@spillway/postgres'
import { Problem, type ServiceContext } from '@spillway/service'
import pg from 'pg'
import { PgBoss } from 'pg-boss'

export const QUEUE = 'jobs'
export const DEAD_LETTERS = 'dead-jobs'

/** What a job carries. */
export interface JobData {
  owner: string
  task: string
  input: Record<string, unknown>
}

const MIGRATIONS = path.join(import.meta.dirname, '..', 'migrations')
const CONNECT_WITHIN_MS = 2_000
/** A connection that died silently is found out by then; maintenance may take long on a great table. */
const QUERY_WITHIN_MS = 30_000
const START_AGAIN_MS = 1_000
const KEPT_SECONDS = 86_400
const RETRIES = 2
/** A run that takes longer is taken for stuck, and tried again. */
export const LONGEST_RUN_SECONDS = 900

/**
 * The time until a killed worker's job runs again is the sum of these: its heartbeat must be 10 s old (pg-boss allows no
 * less), which is looked for each second, and idle workers ask each second (pg-boss's NOTIFY tells only of new jobs).
 */
const HEARTBEAT_SECONDS = 10
const WATCH_SECONDS = 1
export const POLLING = { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1, heartbeatRefreshSeconds: 2 }

export class Queue {
  readonly #url: string
  readonly #database: Pick<Database, 'check'>
  readonly #context: ServiceContext
  #state: { readonly is: 'started'; readonly boss: PgBoss } | { readonly is: 'not started'; readonly detail: string } =
    {
      is: 'not started',
      detail: 'not tried yet',
    }
  #starting: Promise<void> | undefined
  #again: NodeJS.Timeout | undefined
  #closed = false

  /** @param database whose watch tells of outages, so that this need not */
  constructor(url: string, database: Pick<Database, 'check'>, context: ServiceContext) {
    this.#url = url
    this.#database = database
    this.#context = context
  }

  /** @throws {Problem} `database_unavailable` until PostgreSQL could be reached once */
  get boss(): PgBoss {
    if (this.#state.is === 'started') return this.#state.boss
    throw new Problem(databaseProblems.database_unavailable, { headers: { 'retry-after': '1' } })
  }

  /** Whether jobs can be accepted and run, but for PostgreSQL going away meanwhile, which others watch. */
  readonly check: Check = () =>
    this.#state.is === 'started' ? { status: 'ok' } : { status: 'failing', detail: this.#state.detail }

  /**
   * Makes tables and queues where they are missing, then begins. Resolves after the first try; where it failed, others
   * follow each second until one succeeds.
   */
  start(begin: (boss: PgBoss) => Promise<void>): Promise<void> {
    this.#starting = this.#open(begin).catch((error: Error & { code?: string }) => {
      const detail = trouble(error)
      if (this.#state.is !== 'started' && this.#state.detail !== detail) {
        this.#context.logger.warn({ err: error, detail }, 'the queue cannot be started yet')
      }
      this.#state = { is: 'not started', detail }
      if (!this.#closed) this.#again = setTimeout(() => void this.start(begin), START_AGAIN_MS)
    })
    return this.#starting
  }

  /** Ends maintenance and connections; nothing may run any more. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#again)
    await this.#starting
    if (this.#state.is === 'started') await this.#state.boss.stop({ graceful: false })
  }

  async #open(begin: (boss: PgBoss) => Promise<void>): Promise<void> {
    await this.#migrate()
    const boss = this.#build()
    try {
      await boss.start()
      await prepareQueues(boss)
      await begin(boss)
      this.#state = { is: 'started', boss }
    } catch (error) {
      await boss.stop({ graceful: false })
      throw error
    }
  }

  async #migrate(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      query_timeout: QUERY_WITHIN_MS,
    })
    // Whatever waits for it fails too; without a listener this would end the process.
    client.on('error', () => {})
    await client.connect()
    try {
      await migrate(client, MIGRATIONS, 'worker_migrations')
    } finally {
      await client.end()
    }
  }

  #build(): PgBoss {
    const { logger, instance } = this.#context
    // Beyond its own options pg-boss hands everything to pg's pool.
    const pool = { keepAlive: true, query_timeout: QUERY_WITHIN_MS }
    const boss = new PgBoss({
      ...pool,
      connectionString: this.#url,
      application_name: `${instance} jobs`,
      max: 8,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      superviseIntervalSeconds: WATCH_SECONDS,
      monitorIntervalSeconds: WATCH_SECONDS,
      // What is past its time is deleted, so that it is gone within a minute.
      maintenanceIntervalSeconds: 60,
      // How long the queue is, is a metric; no need to be told each second.
      warningQueueSize: Number.MAX_SAFE_INTEGER,
      useListenNotify: true,
      schedule: false,
    })
    boss.on('error', (err) => {
      // An outage makes many of these a second.
      const level = this.#database.check().status === 'ok' ? 'warn' : 'debug'
      logger[level]({ err }, 'the queue stumbled')
    })
    boss.on('warning', ({ message, data }) => logger.warn({ data }, message))
    return boss
  }
}

async function prepareQueues(boss: PgBoss): Promise<void> {
  const kept = { deleteAfterSeconds: KEPT_SECONDS }
  // Nobody works there: they wait to be looked at and driven again, as long as a job may wait at all.
  await boss.createQueue(DEAD_LETTERS, kept)
  // No rest between tries here: it would also hold up the jobs of workers that were killed. Failures get theirs in `Claim`.
  const options = {
    ...kept,
    retryLimit: RETRIES,
    retryDelay: 0,
    retryBackoff: false,
    expireInSeconds: LONGEST_RUN_SECONDS,
    heartbeatSeconds: HEARTBEAT_SECONDS,
    deadLetter: DEAD_LETTERS,
    notify: true,
  }
  await boss.createQueue(QUEUE, options)
  // A queue made by an older version gets what this one wants.
  await boss.updateQueue(QUEUE, options)
}
