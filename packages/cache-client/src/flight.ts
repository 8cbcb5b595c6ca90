/** One miss under way at this gateway: its readers, and the lookup and fill that they share. */
import type { Entry, Fill, Filled, Filling, Reading } from './cache.ts'
import type { Lease } from './lease.ts'
import { type Reader, Readers } from './readers.ts'
import type { Answer, Verdict } from './remote.ts'
import type { Session } from './session.ts'
import { ageOf } from './windows.ts'

export interface FlightEffects {
  /** Asks L2; never rejects. */
  ask(session: Session, held: Entry | undefined, signal: AbortSignal): Promise<Verdict>
  /** What L1 has, fresh or stale. */
  held(): Entry | undefined
  /** Puts an entry into L1. */
  keep(entry: Entry): void
  /** Takes it out of L1: what comes under its key may not be shared any more. */
  drop(): void
  /** The origin's failure was seen, here or at another gateway. */
  failed(status: number): void
  /** What may not be shared was seen. */
  mark(): void
  /** No reader may join any more. */
  retire(): void
  /** Monotonic milliseconds. */
  clock(): number
}

/**
 * ```
 * queued --begin--> asking --lease, or no usable answer--> filling --cacheable--> storing --> ended
 *                     \--hit, filled, failed, pass, deserted--> ended <--else------/
 * ```
 * `queued` waits for the flight before it to end, where there is no session. Where a fill has begun an answer, readers
 * get it at once, while it is filling and storing, and stay until it is whole.
 */
type Phase =
  | { readonly is: 'queued' }
  | { readonly is: 'asking'; readonly stop: AbortController }
  | { readonly is: 'filling'; readonly stop: AbortController; readonly lease: Lease | undefined }
  | { readonly is: 'storing' }
  | { readonly is: 'ended' }

/** What all readers get; `own` is the reader whose fill ran. */
type Outcome = (own: boolean) => Reading

/** What was stored before, and where. */
interface Before {
  readonly tier: 'l1' | 'l2'
  readonly entry: Entry
  /** Nothing purged up to this `seq` is in it. */
  readonly since: number
}

export class Flight {
  readonly #key: string
  readonly #effects: FlightEffects
  readonly #readers = new Readers(() => this.#desert())
  readonly #done = Promise.withResolvers<void>()
  #phase: Phase = { is: 'queued' }
  #session: Session | undefined
  /** The reader whose fill runs; he may have left meanwhile. */
  #owner: Reader | undefined
  /** What the fill that runs is to revalidate. */
  #before: Before | undefined
  /** Readers were served what was there before: it goes on, though nobody may be waiting. */
  #promised = false
  /** Nothing purged up to this `seq` can be in what the readers get. */
  #since = 0
  /** What the fill has begun, and what purges it. */
  #begun: { readonly outcome: Outcome; readonly tags: readonly string[] } | undefined

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
    return session !== undefined && session === this.#session && !this.#overtaken(session)
  }

  /**
   * Served at once where what is being revalidated may be used meanwhile.
   * @throws the signal's reason, once it aborts
   */
  join(fill: Fill, signal: AbortSignal, held: Entry | undefined): Promise<Reading> {
    const reader = this.#readers.join(fill, signal, held)
    if (this.#begun) reader.resolve(this.#begun.outcome(false))
    else this.#serveBefore()
    return reader.reading
  }

  /** Starts, through L2 where there is a live session; does nothing the second time. */
  begin(session: Session | undefined): void {
    if (this.#phase.is === 'queued') void this.#run(session)
  }

  /** Ends it for all its readers. */
  cancel(reason: Error): void {
    if ('stop' in this.#phase) this.#phase.stop.abort(reason)
    this.#end(({ reject }) => reject(reason))
  }

  async #run(session: Session | undefined): Promise<void> {
    this.#session = session
    this.#since = session?.applied ?? 0
    try {
      const outcome = session ? await this.#throughL2(session) : await this.#fromOrigin(undefined)
      this.#end((reader) => reader.resolve(outcome(reader === this.#owner)))
    } catch (error) {
      this.#end(({ reject }) => reject(error))
    }
  }

  async #throughL2(session: Session): Promise<Outcome> {
    const stop = new AbortController()
    this.#phase = { is: 'asking', stop }
    const verdict = await this.#effects.ask(session, this.#readers.first?.held, stop.signal)
    this.#since = Math.max(this.#since, verdict.seq)
    const answer = await verdict.answer
    if ('seq' in answer) this.#since = Math.max(this.#since, answer.seq)
    return this.#take(answer)
  }

  async #take(answer: Answer): Promise<Outcome> {
    switch (answer.is) {
      case 'hit': {
        const { entry } = answer
        this.#keep(entry)
        const outcome = ageOf(entry, this.#effects.clock()) < entry.windows.fresh ? 'hit' : 'stale'
        return () => ({ outcome, tier: 'l2', entry })
      }
      case 'filled':
        this.#keep(answer.entry)
        return () => ({ outcome: 'filled', entry: answer.entry, collapsed: true, stored: true })
      case 'failed': {
        const { status, error, stale = this.#effects.held() } = answer
        this.#effects.failed(status)
        return () => ({ outcome: 'failed', status, error, collapsed: true, ...(stale ? { stale } : {}) })
      }
      case 'pass':
        this.#effects.drop()
        return () => ({ outcome: 'pass' })
      case 'lease': {
        const { lease, stale, seq } = answer
        return this.#fromOrigin(lease, stale && { tier: 'l2', entry: stale, since: seq })
      }
      case 'nothing':
      case 'damaged':
        return this.#fromOrigin(undefined)
    }
  }

  async #fromOrigin(lease: Lease | undefined, before?: Before): Promise<Outcome> {
    const owner = this.#readers.first
    if (!owner) {
      // Not surrendered: it may be refused where others wait, and here is nobody who could go on.
      void lease?.drop()
      return () => ({ outcome: 'pass' })
    }
    const stop = new AbortController()
    this.#phase = { is: 'filling', stop, lease }
    this.#owner = owner
    this.#before = before ?? this.#heldBefore()
    // The origin is asked only now, so what has been applied by now was written before.
    this.#since = Math.max(this.#since, this.#session?.applied ?? 0)
    try {
      const asked = owner.fill(stop.signal, this.#usableBefore?.entry)
      this.#serveBefore()
      const filling = await asked
      return await this.#settle(filling.outcome === 'begun' ? await this.#start(filling, lease) : filling, lease)
    } catch (error) {
      void lease?.surrender({ reason: 'failed', status: 502, error: 'proxy_internal_error' })
      throw error
    }
  }

  /** Hands out what has begun; resolves with what it comes to. */
  #start({ answer, tags, whole }: Extract<Filling, { outcome: 'begun' }>, lease: Lease | undefined): Promise<Filled> {
    const session = this.#session
    const outcome: Outcome = (own) => ({ outcome: 'begun', answer, collapsed: !own, storing })
    this.#begun = { outcome, tags }
    const storing = lease !== undefined && session !== undefined && !this.#overtaken(session)
    for (const reader of this.#readers) reader.resolve(outcome(reader === this.#owner))
    return whole
  }

  async #settle(filling: Filled, lease: Lease | undefined): Promise<Outcome> {
    if (filling.outcome === 'uncacheable') {
      this.#effects.drop()
      this.#effects.mark()
      void lease?.surrender({ reason: 'uncacheable' })
      return (own) => ({ outcome: own ? 'uncacheable' : 'pass' })
    }
    if (filling.outcome === 'failed') {
      const { status, error } = filling
      this.#effects.failed(status)
      void lease?.surrender({ reason: 'failed', status, error })
      const stale = this.#usableBefore?.entry ?? this.#effects.held()
      return (own) => ({ ...filling, ...(stale ? { stale } : {}), collapsed: !own })
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

  /**
   * What L1 has, where it has heard of all that the service knew at its verdict. Else it may have been purged: revalidated
   * by a date that two versions share, it would be stored as new.
   */
  #heldBefore(): Before | undefined {
    const since = this.#session?.applied ?? 0
    const entry = since < this.#since ? undefined : this.#effects.held()
    return entry && { tier: 'l1', entry, since }
  }

  /** Unless something of it was purged meanwhile: whoever joins now may have come after that. */
  get #usableBefore(): Before | undefined {
    const before = this.#before
    const overtaken = before && this.#session?.purges.overtook(before.since, this.#key, before.entry.tags)
    return overtaken ? undefined : before
  }

  /** Within `whileRevalidate`, readers do not wait; but those who have it already do. */
  #serveBefore(): void {
    const before = this.#usableBefore
    if (this.#phase.is !== 'filling' || !before) return
    const { tier, entry } = before
    if (ageOf(entry, this.#effects.clock()) >= entry.windows.whileRevalidate) return
    for (const reader of this.#readers) {
      if (reader.held) continue
      this.#promised = true
      this.#readers.release(reader)
      reader.resolve({ outcome: 'stale', tier, entry })
    }
  }

  /** Whether something of the answer was purged since it was certain; of one whose tags are not known, any tag. */
  #overtaken({ purges }: Session): boolean {
    return this.#begun
      ? purges.overtook(this.#since, this.#key, this.#begun.tags)
      : purges.mayHaveOvertaken(this.#since, this.#key)
  }

  /** Nobody waits here any more. */
  #desert(): void {
    const phase = this.#phase
    if (phase.is === 'storing' || phase.is === 'ended' || this.#promised) return
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

  #end(tell?: (reader: Reader) => void): void {
    this.#phase = { is: 'ended' }
    this.#effects.retire()
    this.#done.resolve()
    for (const reader of this.#readers) {
      this.#readers.release(reader)
      tell?.(reader)
    }
  }
}
