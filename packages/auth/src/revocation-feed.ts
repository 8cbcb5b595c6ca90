/** Keeps a set of revocations up to date, by looking again and again, and at once whenever told that there is something. */
import { Compile } from 'typebox/compile'
import { Revocation, RevocationPage, Revocations } from './revocations.ts'

/** What of a pino logger is used. */
interface Logger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export interface RevocationFeedOptions {
  /** Reads what comes after `after` as a {@link RevocationPage}, which is checked here. Rejects where it cannot be had. */
  readonly read: (after: number, signal: AbortSignal) => Promise<unknown>
  readonly logger: Logger
  /** 0 to 1. Default: `Math.random`. */
  readonly random?: () => number
}

/** Milliseconds: whatever was revoked is known so soon, wherever the list can be read. */
export const REVOKED_WITHIN_MS = 2_000
/** Between the end of one look and the next, less a quarter of it at random: that no two processes look at one moment. */
const EVERY_MS = 1_800
const READ_WITHIN_MS = 2_000
const SWEEP_EVERY_MS = 60_000

const page = Compile(RevocationPage)
const single = Compile(Revocation)

type Known = { readonly state: 'current' } | { readonly state: 'unknown' | 'away'; readonly why: string }

export class RevocationFeed {
  readonly revocations = new Revocations()
  readonly #options: RevocationFeedOptions
  readonly #closing = new AbortController()
  /** Resolves after the first look. */
  readonly #first = Promise.withResolvers<void>()
  #known: Known = { state: 'unknown', why: 'not read yet' }
  #after = 0
  #sweptAt = 0
  #timer: NodeJS.Timeout | undefined
  #hasBegun = false
  #looking = false
  #again = false

  constructor(options: RevocationFeedOptions) {
    this.#options = options
  }

  /** Why the list may lack what was revoked meanwhile; undefined: it does not. */
  get why(): string | undefined {
    return this.#known.state === 'current' ? undefined : this.#known.why
  }

  /** Looks, and goes on looking. Resolves after the first look, whatever came of it. */
  async begin(): Promise<void> {
    this.#hasBegun = true
    this.look()
    await this.#first.promise
  }

  /** There may be something new: looks now, or anew where it is looking already. Means nothing before it has begun. */
  look(): void {
    if (!this.#hasBegun || this.#closing.signal.aborted) return
    this.#again = this.#looking
    if (this.#looking) return
    this.#looking = true
    clearTimeout(this.#timer)
    void this.#read().then((error) => {
      this.#looking = false
      if (this.#closing.signal.aborted) return
      this.#learn(error)
      this.#first.resolve()
      const { random = Math.random } = this.#options
      if (this.#again) this.look()
      else this.#timer = setTimeout(() => this.look(), EVERY_MS * (1 - random() / 4))
    })
  }

  /** What somebody who has read more says was revoked, as JSON; whatever else it says is not heeded. */
  heed(text: string): void {
    try {
      const told: unknown = JSON.parse(text)
      if (single.Check(told)) this.revocations.add(told)
    } catch {
      // Of another version, or a mistake: the next look finds what there is.
    }
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    this.#first.resolve()
  }

  /** All that is new; resolves with what kept it from that. */
  async #read(): Promise<Error | undefined> {
    try {
      for (let more = true; more; ) {
        const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(READ_WITHIN_MS)])
        const read = await this.#options.read(this.#after, signal)
        if (!page.Check(read) || (read.more && read.next <= this.#after))
          throw new Error('what was read is no such list')
        for (const revocation of read.revocations) this.revocations.add(revocation)
        this.#after = read.next
        more = read.more
      }
      this.#sweep()
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  #sweep(): void {
    const now = performance.now()
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return
    this.#sweptAt = now
    this.revocations.sweep()
  }

  /** What was known stays: a list that is away neither signs anybody out nor in again. */
  #learn(error: Error | undefined): void {
    const { logger } = this.#options
    const before = this.#known
    this.#known = error ? { state: 'away', why: error.message } : { state: 'current' }
    if (this.#known.state === before.state) return
    if (error) logger.warn({ err: error }, 'revocations cannot be read; those that are known stay')
    else logger.info({}, 'revocations are read')
  }
}
