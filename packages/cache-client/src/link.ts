/** Keeps a session with the cache service open: connects, reads the purge stream, and connects anew when it ends. */
import { setTimeout as delay } from 'node:timers/promises'
import { Compile } from 'typebox/compile'
import type { Dispatcher } from 'undici'
import { LineReader } from './lines.ts'
import { Session } from './session.ts'
import { Hello, MAX_PURGE_BYTES, SESSION_MS, StreamLine } from './wire.ts'

/** What of a pino logger is used. */
export interface CacheLogger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export interface LinkOptions {
  pool: Dispatcher
  instance: string
  logger: CacheLogger
  clock: () => number
  /** Forgets in L1 what a line names. */
  apply: (line: StreamLine) => void
  /** A session began, which has heard nothing yet. */
  opened: () => void
  /** Empties L1: a session ended. */
  empty: () => void
}

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 1000
const GOODBYE_MS = 250
/** A line repeats its purge's body, with little around it. */
const MAX_LINE_BYTES = MAX_PURGE_BYTES + 1024

const hello = Compile(Hello)
const streamLine = Compile(StreamLine)

export class Link {
  readonly #options: LinkOptions
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  #session: Session | undefined
  #why = 'not connected yet'
  #opened = 0

  constructor(options: LinkOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  /** The session, where the service counts on it at this very moment. */
  get live(): Session | undefined {
    return this.#session?.live() ? this.#session : undefined
  }

  /** Why there is no live session. */
  get why(): string {
    return this.#session ? 'no confirmation was answered in time' : this.#why
  }

  async close(): Promise<void> {
    const session = this.#session
    this.#closing.abort(new Error('closing'))
    await this.#running
    if (session) await this.#leave(session.id)
  }

  /** Only once L1 is out of use: no purge waits for this gateway from then on. */
  async #leave(id: string): Promise<void> {
    const signal = AbortSignal.timeout(GOODBYE_MS)
    const path = `/sessions/${encodeURIComponent(id)}`
    // A service that does not hear it waits the session out.
    await this.#options.pool.request({ method: 'DELETE', path, signal }).catch(() => {})
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    let wait = FIRST_RETRY_MS
    while (!signal.aborted) {
      const opened = this.#opened
      const why = await this.#attend().catch((error: Error) => error.message)
      this.#lose(why)
      wait = this.#opened > opened ? FIRST_RETRY_MS : Math.min(2 * wait, LAST_RETRY_MS)
      // All gateways lose a restarted service at one moment; they need not return at one.
      await delay(wait * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
    }
  }

  /** Attends one stream to its end; resolves with why it ended. */
  async #attend(): Promise<string> {
    const { pool, instance, logger } = this.#options
    const stop = new AbortController()
    const { statusCode, body } = await pool.request({
      method: 'GET',
      path: `/stream?instance=${encodeURIComponent(instance)}`,
      signal: AbortSignal.any([stop.signal, this.#closing.signal]),
      headersTimeout: SESSION_MS,
      // Four pings missed: no confirmation was due either, so the service has given the session up.
      bodyTimeout: SESSION_MS,
    })
    try {
      if (statusCode !== 200) return `the cache service answered ${statusCode}`
      const lines = new LineReader(body, MAX_LINE_BYTES)
      const first = parse(await lines.line(), hello)
      if (!first) return 'the stream did not begin with a hello'
      const session = this.#open(first)
      session.ended.addEventListener('abort', () => stop.abort(session.ended.reason), { once: true })
      logger.info({ session: session.id, epoch: session.epoch }, 'the cache session is open')
      for (let text = await lines.line(); text !== undefined; text = await lines.line()) {
        const line = parse(text, streamLine)
        if (!line) return 'the stream held a line that is none'
        session.take(line)
      }
      return 'the stream ended'
    } finally {
      body.destroy()
    }
  }

  #open(first: Hello): Session {
    const { pool, clock, apply } = this.#options
    const session = new Session(first, {
      clock,
      apply,
      confirm: async (id, seq, signal) => {
        const { statusCode, body } = await pool.request({
          method: 'PUT',
          path: `/sessions/${encodeURIComponent(id)}`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ seq }),
          signal,
          headersTimeout: SESSION_MS,
        })
        await body.dump()
        return statusCode
      },
    })
    this.#session = session
    this.#opened++
    this.#options.opened()
    void session.confirm()
    return session
  }

  #lose(why: string): void {
    const { logger, empty } = this.#options
    const session = this.#session
    this.#session = undefined
    session?.end(why)
    empty()
    if (session || why !== this.#why) logger.warn({ why, session: session?.id }, 'there is no cache session')
    this.#why = why
  }
}

function parse<T>(text: string | undefined, schema: { Check(value: unknown): value is T }): T | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return schema.Check(value) ? value : undefined
  } catch {
    return undefined
  }
}
