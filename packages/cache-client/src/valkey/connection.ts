/** One gateway's connections to Valkey: one for commands, bounded in time, and one to be told on what changed. */
import { createHash } from 'node:crypto'
import { Redis, type RedisOptions } from 'iovalkey'
import type { CacheLogger } from '../link.ts'
import { patience } from '../patience.ts'
import { addressOf } from './address.ts'
import { CHANNEL, EVERYTHING, SCRIPTS } from './scripts.ts'

export type Script = keyof typeof SCRIPTS
/** What Lua returned: 0 or 1, or a verdict and what belongs to it. */
export type Reply = number | readonly (Buffer | number)[]

const PROBE_MS = 500
/** After so many probes in a row without an answer the connection is taken for lost. */
const LOST_AFTER = 4
const CONNECT_MS = 1000
const LAST_RETRY_MS = 1000

const digests = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, lua]) => [name, createHash('sha1').update(lua).digest('hex')]),
) as Record<Script, string>

const UNTRIED = 'not connected yet'

/** No answer, in time or at all. `late` resolves with the one that came later, or with nothing once none can come. */
export class Unanswered extends Error {
  override name = 'Unanswered'
  readonly late: Promise<Reply | undefined>
  constructor(message: string, late: Promise<Reply | undefined>) {
    super(message)
    this.late = late
  }
}

export class Connection {
  readonly #commands: Redis
  readonly #news: Redis
  readonly #listeners = new Map<string, Set<() => void>>()
  readonly #logger: CacheLogger
  readonly #verdictMs: number
  readonly #probing: NodeJS.Timeout
  #why: string | undefined = UNTRIED
  #unanswered = 0
  #isClosed = false

  /**
   * `verdictMs`: the cache must never cost a read more than this.
   * @throws {TypeError} for a URL that leads to no Valkey
   */
  constructor(url: string, logger: CacheLogger, verdictMs: number) {
    this.#logger = logger
    this.#verdictMs = verdictMs
    const options: RedisOptions = {
      ...addressOf(url),
      connectTimeout: CONNECT_MS,
      retryStrategy: (times) => Math.min(50 * 2 ** times, LAST_RETRY_MS) * (0.5 + Math.random() / 2),
      // What has no answer is not known to have happened; who asked decides whether to ask again.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      // After a failover the name leads to another one.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    }
    this.#commands = new Redis(options)
    this.#news = new Redis({ ...options, autoResubscribe: false })
    this.#commands.on('ready', () => void this.#probe())
    this.#commands.on('close', () => this.#set(this.#why ?? 'not connected'))
    this.#commands.on('error', (error: Error & { command?: { name: string } }) => {
      this.#set(error.message)
      // It would go on in database 0, which may be another stack's.
      if (error.command?.name === 'select') this.close()
    })
    this.#news.on('error', () => {})
    this.#news.on('ready', () => this.#news.subscribe(CHANNEL).catch(() => {}))
    this.#news.on('message', (_channel: string, name: string) => this.#tell(name))
    this.#probing = setInterval(() => this.#probe(), PROBE_MS)
  }

  /** Why Valkey is not used now; undefined: it is. */
  get why(): string | undefined {
    return this.#why
  }

  /**
   * Runs one script.
   * @throws {Unanswered} without an answer in time (default: that of a read); an error for one that Valkey refuses
   */
  async run(script: Script, args: readonly (string | number | Buffer)[], withinMs = this.#verdictMs): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const reply = this.#send(script, args)
    const late = reply.catch(() => undefined)
    let isLate = false
    const settled = patience(withinMs, () => {
      isLate = true
      const why = `no answer in ${withinMs} ms`
      this.#set(why)
      reject(new Unanswered(why, late))
    })
    reply.finally(settled).then((answer) => {
      this.#unanswered = 0
      // A Valkey that answers late goes on being passed by.
      if (!isLate && withinMs <= this.#verdictMs) this.#set(undefined)
      resolve(answer)
    }, reject)
    return promise
  }

  /** Calls `listener` whenever it is told one of the names, or everything; returns how to stop that. */
  listen(names: readonly string[], listener: () => void): () => void {
    for (const name of names) {
      const listeners = this.#listeners.get(name) ?? new Set()
      this.#listeners.set(name, listeners.add(listener))
    }
    return () => {
      for (const name of names) {
        const listeners = this.#listeners.get(name)
        listeners?.delete(listener)
        if (listeners?.size === 0) this.#listeners.delete(name)
      }
    }
  }

  close(): void {
    clearInterval(this.#probing)
    this.#why ??= 'closed'
    this.#isClosed = true
    this.#commands.disconnect()
    this.#news.disconnect()
  }

  async #send(script: Script, args: readonly (string | number | Buffer)[]): Promise<Reply> {
    if (this.#commands.status !== 'ready') throw new Error(this.#why ?? 'not connected')
    try {
      return (await this.#commands.callBuffer('EVALSHA', digests[script], 0, ...args)) as Reply
    } catch (error) {
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error
      return (await this.#commands.callBuffer('EVAL', SCRIPTS[script], 0, ...args)) as Reply
    }
  }

  /** Asks of a lease that nobody has. */
  async #probe(): Promise<void> {
    const { status } = this.#commands
    try {
      if (status === 'ready') await this.run('renew', ['', ''])
      // Connected, and not told yet whether the other end is ready.
      else if (status === 'connect') this.#miss()
    } catch (error) {
      if (error instanceof Unanswered) this.#miss()
      else this.#set((error as Error).message)
    }
  }

  #miss(): void {
    this.#unanswered++
    if (this.#unanswered < LOST_AFTER) return
    this.#unanswered = 0
    this.#commands.disconnect(true)
    this.#news.disconnect(true)
  }

  #set(why: string | undefined): void {
    if (why === this.#why || this.#isClosed) return
    if (why === undefined) this.#logger.info({}, 'the cache is in use')
    else if (this.#why === undefined || this.#why === UNTRIED) this.#logger.warn({ why }, 'the cache is not used')
    this.#why = why
  }

  #tell(name: string): void {
    const told = name === EVERYTHING ? [...this.#listeners.values()] : [this.#listeners.get(name) ?? []]
    for (const listener of new Set(told.flatMap((listeners) => [...listeners]))) listener()
  }
}
