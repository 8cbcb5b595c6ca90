/** One miss under way at this gateway: its readers, and the lookup and fill that they share. */
import type { Entry, Fill, Filling, Reading } from './cache.ts'
import type { Lease } from './lease.ts'
import type { Answer, Verdict } from './remote.ts'
import type { Session } from './session.ts'

export interface FlightEffects {
  /** Asks L2; never rejects. */
  ask(session: Session, signal: AbortSignal): Promise<Verdict>
  /** Puts an entry into L1. */
  keep(entry: Entry): void
  /** What may not be shared was seen. */
  mark(): void
  /** No reader may join any more. */
  retire(): void
  /** Monotonic milliseconds. */
  clock(): number
}

interface Reader {
  readonly fill: Fill
  readonly resolve: (reading: Reading) => void
  readonly reject: (reason: unknown) => void
}

/**
 * ```
 * queued --begin--> asking --lease, or no usable answer--> filling --cacheable--> storing --> ended
 *                     \--hit, filled, failed, pass, deserted--> ended <--else------/
 * ```
 * `queued` waits for the flight before it to end, where there is no session.
 */
type Phase =
  | { readonly is: 'queued' }
  | { readonly is: 'asking'; readonly stop: AbortController }
  | { readonly is: 'filling'; readonly stop: AbortController; readonly lease: Lease | undefined }
  | { readonly is: 'storing' }
  | { readonly is: 'ended' }

/** What all readers get; `own` is the reader whose fill ran. */
type Outcome = (own: boolean) => Reading

export class Flight {
  readonly #key: string
  readonly #effects: FlightEffects
  readonly #readers = new Set<Reader>()
  readonly #done = Promise.withResolvers<void>()
  #phase: Phase = { is: 'queued' }
  #session: Session | undefined
  /** The reader whose fill runs; he may have left meanwhile. */
  #owner: Reader | undefined
  /** Nothing purged up to this `seq` can be in what the readers get. */
  #since = 0

  constructor(key: string, effects: FlightEffects) {
    this.#key = key
    this.#effects = effects
  }

  /** Resolves when it has ended, whatever came of it. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  /**
   * Whether a reader who comes now may share the outcome: it has not begun, or it began in the session that is live now
   * (as just read) and no purge applied since can have hit it.
   */
  mayJoin(session: Session | undefined): boolean {
    if (this.#phase.is === 'queued') return true
    return (
      session !== undefined && session === this.#session && !session.purges.mayHaveOvertaken(this.#since, this.#key)
    )
  }

  /** @throws the signal's reason, once it aborts */
  join(fill: Fill, signal: AbortSignal): Promise<Reading> {
    const { promise, resolve, reject } = Promise.withResolvers<Reading>()
    const reader: Reader = { fill, resolve, reject }
    const leave = () => {
      this.#readers.delete(reader)
      reject(signal.reason)
      if (this.#readers.size === 0) this.#desert()
    }
    this.#readers.add(reader)
    signal.addEventListener('abort', leave, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', leave))
  }

  /** Starts, through L2 where there is a live session; does nothing the second time. */
  begin(session: Session | undefined): void {
    if (this.#phase.is === 'queued') void this.#run(session)
  }

  /** Ends it for all its readers. */
  cancel(reason: Error): void {
    for (const { reject } of this.#readers) reject(reason)
    this.#readers.clear()
    if ('stop' in this.#phase) this.#phase.stop.abort(reason)
    this.#end()
  }

  async #run(session: Session | undefined): Promise<void> {
    this.#session = session
    this.#since = session?.applied ?? 0
    try {
      const outcome = session ? await this.#throughL2(session) : await this.#fromOrigin(undefined)
      this.#end()
      for (const reader of this.#readers) reader.resolve(outcome(reader === this.#owner))
    } catch (error) {
      this.#end()
      for (const { reject } of this.#readers) reject(error)
    }
  }

  async #throughL2(session: Session): Promise<Outcome> {
    const stop = new AbortController()
    this.#phase = { is: 'asking', stop }
    const verdict = await this.#effects.ask(session, AbortSignal.any([stop.signal, session.ended]))
    this.#since = Math.max(this.#since, verdict.seq)
    const answer = await verdict.answer
    if ('seq' in answer) this.#since = Math.max(this.#since, answer.seq)
    return this.#take(answer)
  }

  async #take(answer: Answer): Promise<Outcome> {
    switch (answer.is) {
      case 'hit':
        this.#keep(answer.entry)
        return () => ({ outcome: 'hit', tier: 'l2', entry: answer.entry })
      case 'filled':
        this.#keep(answer.entry)
        return () => ({ outcome: 'filled', entry: answer.entry, collapsed: true, stored: true })
      case 'failed':
        return () => ({ outcome: 'failed', status: answer.status, error: answer.error, collapsed: true })
      case 'pass':
        return () => ({ outcome: 'pass' })
      case 'lease':
        return this.#fromOrigin(answer.lease)
      case 'nothing':
      case 'damaged':
        return this.#fromOrigin(undefined)
    }
  }

  async #fromOrigin(lease: Lease | undefined): Promise<Outcome> {
    const [owner] = this.#readers
    if (!owner) {
      // Not surrendered: it may be refused where others wait, and here is nobody who could go on.
      lease?.drop()
      return () => ({ outcome: 'pass' })
    }
    const stop = new AbortController()
    this.#phase = { is: 'filling', stop, lease }
    this.#owner = owner
    // The origin is asked only now, so what has been applied by now was written before.
    this.#since = Math.max(this.#since, this.#session?.applied ?? 0)
    try {
      return await this.#settle(await owner.fill(stop.signal), lease)
    } catch (error) {
      void lease?.surrender({ reason: 'failed', status: 502, error: 'proxy_internal_error' })
      throw error
    }
  }

  async #settle(filling: Filling, lease: Lease | undefined): Promise<Outcome> {
    if (filling.outcome === 'uncacheable') {
      this.#effects.mark()
      void lease?.surrender({ reason: 'uncacheable' })
      return (own) => ({ outcome: own ? 'uncacheable' : 'pass' })
    }
    if (filling.outcome === 'failed') {
      const { status, error } = filling
      void lease?.surrender({ reason: 'failed', status, error })
      return (own) => ({ ...filling, collapsed: !own })
    }
    const { entry } = filling
    this.#phase = { is: 'storing' }
    this.#keep(entry)
    const stored = (await lease?.fill(entry, entry.ageMs + this.#effects.clock() - entry.at)) ?? false
    return (own) => ({ outcome: 'filled', entry, collapsed: !own, stored })
  }

  /** Into L1, unless something of the entry was purged since the answer was certain, or the session is over. */
  #keep(entry: Entry): void {
    const session = this.#session
    if (!session?.live() || session.purges.overtook(this.#since, entry.key, entry.tags)) return
    this.#effects.keep(entry)
  }

  /** Nobody waits here any more. */
  #desert(): void {
    const phase = this.#phase
    if (phase.is === 'storing' || phase.is === 'ended') return
    if (phase.is !== 'filling' || !phase.lease) {
      this.#stop()
      return
    }
    // From here on nobody can join: whoever comes asks L2, and counts there as one who waits.
    this.#effects.retire()
    void phase.lease.abandon().then(() => this.#stop())
  }

  #stop(): void {
    if ('stop' in this.#phase) this.#phase.stop.abort(new Error('nobody waits for this any more'))
    this.#end()
  }

  #end(): void {
    this.#phase = { is: 'ended' }
    this.#effects.retire()
    this.#done.resolve()
  }
}
