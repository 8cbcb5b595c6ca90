/** What the cache service promises, without HTTP: one lease a key, fenced fills, purges answered when all have forgotten. */
import {
  AGE_SLACK_MS,
  ageOf,
  digest,
  PING_MS,
  type PurgeBody,
  PurgeLog,
  SESSION_MS,
  type Surrender,
  softened,
} from '@spillway/cache-client'
import type { Store } from '@spillway/ttl-cache'
import { type Asker, Leases, type Stored } from './leases.ts'
import { Sessions, type Stream } from './sessions.ts'

export type Verdict =
  /** It may be stale, within its `whileRevalidate`, where somebody is revalidating it. */
  | { readonly name: 'hit'; readonly seq: number; readonly entry: Stored }
  /** `stale`: what is to be revalidated. */
  | { readonly name: 'lease'; readonly seq: number; readonly token: string; readonly stale: Stored | undefined }
  | { readonly name: 'wait' | 'pass'; readonly seq: number }

interface PendingPurge {
  readonly seq: number
  readonly issuedAt: number
  readonly resolve: () => void
}

/**
 * A session that has not confirmed a purge after this long is closed, so that its purge is answered 2 s later still: in
 * 4 s, where the caller gives up after 5.
 */
const LAG_MS = 2000

export class Coherence {
  readonly epoch: string
  #bornAt: number
  readonly #clock: () => number
  readonly #store: Store<Stored>
  readonly #sessions: Sessions
  readonly #leases: Leases
  readonly #purged = new PurgeLog()
  /** Oldest first. */
  readonly #pending: PendingPurge[] = []
  readonly #lookups = { hits: 0, misses: 0, stale: 0, collapsed: 0 }
  #seq = 0
  #pingedAt: number

  /** `epoch`: random, another at each boot. `clock`: monotonic milliseconds. */
  constructor({ epoch, store, clock }: { epoch: string; store: Store<Stored>; clock: () => number }) {
    this.epoch = epoch
    this.#store = store
    this.#clock = clock
    this.#bornAt = clock()
    this.#pingedAt = this.#bornAt
    this.#sessions = new Sessions(clock)
    const next = () => {
      const seq = ++this.#seq
      return { seq, token: `${epoch}-${seq}` }
    }
    this.#leases = new Leases(clock, next, (hash) => this.#stored(hash))
  }

  /** It listens from now on: until then the service of the epoch before may have answered its gateways. */
  begin(): void {
    this.#bornAt = this.#clock()
  }

  get seq(): number {
    return this.#seq
  }

  /** `gateway`: what it calls itself. */
  open(stream: Stream, gateway = ''): string {
    return this.#sessions.open(stream, gateway, this.#seq)
  }

  /** Whether the session is alive; one that is not is closed now, and never will be again. */
  confirm(session: string, seq: number): boolean {
    const overdue = this.#pending.findLast(({ issuedAt }) => this.#clock() - issuedAt >= LAG_MS)
    if (!this.#sessions.isAlive(session) || (overdue && seq < overdue.seq)) {
      this.close(session)
      return false
    }
    this.#sessions.confirm(session, seq)
    this.#answerPurges()
    return true
  }

  /** The session is over: its leases go to those who wait for them. Harmless twice. */
  close(session: string): void {
    if (this.#sessions.close(session)) this.#leases.leaveAll(session)
  }

  /** The gateway has stopped using its L1: no purge waits for it any more. */
  forget(session: string): void {
    this.close(session)
    this.#sessions.forget(session)
    this.#answerPurges()
  }

  /**
   * `gone`: there is nothing fresh, and without a live session no lease. `heldMs`: the age of what the asker has in use,
   * who wants a younger one.
   */
  ask(hash: string, asker: Asker, heldMs = Number.POSITIVE_INFINITY): Verdict | 'gone' {
    const entry = this.#stored(hash)
    if (entry && ageOf(entry, this.#clock()) >= entry.sealed.windows.fresh) this.#lookups.stale++
    if (entry && this.#satisfies(entry, hash, heldMs)) {
      this.#lookups.hits++
      return { name: 'hit', seq: this.#seq, entry }
    }
    this.#lookups.misses++
    if (!this.#sessions.isAlive(asker.session)) return 'gone'
    const answer = this.#leases.ask(hash, asker)
    if (answer === 'wait') this.#lookups.collapsed++
    return typeof answer === 'string'
      ? { name: answer, seq: this.#seq }
      : { name: 'lease', seq: answer.seq, token: answer.token, stale: entry }
  }

  /** Fresh, and younger than what the asker has; one who has none need not wait for what may be used meanwhile. */
  #satisfies(entry: Stored, hash: string, heldMs: number): boolean {
    const { fresh, whileRevalidate } = entry.sealed.windows
    const age = ageOf(entry, this.#clock())
    if (age < fresh) return age + AGE_SLACK_MS < heldMs
    return heldMs === Number.POSITIVE_INFINITY && age < whileRevalidate && this.#leases.has(hash)
  }

  #stored(hash: string): Stored | undefined {
    return this.#store.get(hash)
  }

  /** Stores a fill whose last byte has come; false unless its lease stands and nothing of it was purged since the grant. */
  fill(hash: string, token: string, entry: Stored): boolean {
    const lease = this.#leases.standing(hash, token)
    if (!lease || !this.#sessions.isAlive(lease.holder.session)) return false
    const { key, tags } = entry.sealed
    if (this.#purged.overtook(lease.seq, key, tags)) {
      this.#leases.pass(hash)
      return false
    }
    this.#keep(hash, entry)
    this.#leases.settle(hash, { outcome: 'filled', seq: this.#seq, entry })
    return true
  }

  /** `awaited`: nothing changed, others wait for this fill. A lease that does not stand has ended already. */
  surrender(hash: string, token: string, why: Surrender): 'ended' | 'awaited' {
    if (!this.#leases.standing(hash, token)) return 'ended'
    // What was there before must not outlive an answer that nobody else may have.
    if (why.reason === 'uncacheable') this.#store.delete(hash)
    return this.#leases.surrender(hash, why, this.#seq)
  }

  /** The connection of one who fills or waits was closed. */
  leave(hash: string, asker: Asker): void {
    this.#leases.leave(hash, asker)
  }

  /** Drops what is named, now; resolves when no gateway can have it in use. */
  purge(purge: PurgeBody): Promise<void> {
    const line = { seq: ++this.#seq, ...purge }
    this.#purged.add(line.seq, line)
    if ('all' in purge) {
      if (purge.soft) this.#store.revise(this.#soften())
      else this.#store.clear()
      this.#leases.purge('all')
    } else {
      const hashes = 'keys' in purge ? purge.keys.map(digest) : []
      const tags = 'tags' in purge ? purge.tags : []
      if (purge.soft) this.#makeStale(hashes, tags)
      else this.#drop(hashes, tags)
      this.#leases.purge({ hashes: new Set(hashes), urls: new Set(tags.map(digest)) })
    }
    this.#sessions.broadcast(line)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#pending.push({ seq: line.seq, issuedAt: this.#clock(), resolve })
    this.#answerPurges()
    return promise
  }

  #drop(hashes: readonly string[], tags: readonly string[]): void {
    for (const hash of hashes) this.#store.delete(hash)
    for (const tag of tags) this.#store.purgeTag(tag)
    // Few carry a tag as a rule, whose room is then there at once.
    this.#store.sweep()
  }

  #makeStale(hashes: readonly string[], tags: readonly string[]): void {
    const soften = this.#soften()
    for (const hash of hashes) {
      const entry = this.#store.get(hash)
      if (entry) this.#keep(hash, soften(entry))
    }
    this.#store.revise(soften, tags)
  }

  /** As of now, whenever it comes to an entry. */
  #soften(): (entry: Stored) => Stored {
    const now = this.#clock()
    return (entry) => softened(entry, entry.sealed.windows, now)
  }

  #keep(hash: string, entry: Stored): void {
    const { tags, body, head, windows } = entry.sealed
    const ttlMs = windows.keep - ageOf(entry, this.#clock())
    this.#store.set(hash, entry, { ttlMs, bytes: body.length + head.length, tags })
  }

  /** To be called several times a second: what happens because time passes. */
  tick(): void {
    const now = this.#clock()
    for (const session of this.#sessions.expired) this.close(session)
    this.#sessions.sweep()
    this.#leases.sweep()
    this.#answerPurges()
    if (now - this.#pingedAt >= PING_MS) {
      this.#pingedAt = now
      this.#sessions.broadcast({ seq: this.#seq })
    }
  }

  /** Ends every stream and every answer that is held open. */
  stop(): void {
    for (const { id } of this.#sessions.opened) this.close(id)
  }

  /**
   * Since the start. Hits: answered with an entry; misses: all others. Stale: those of both that found one no longer fresh.
   * Collapsed: misses that waited for another's fill.
   */
  get lookups(): Readonly<Record<'hits' | 'misses' | 'stale' | 'collapsed', number>> {
    return this.#lookups
  }

  /** Each connected gateway: how many purges it has not confirmed, and since when it has the eldest of them to confirm. */
  get lags(): readonly { readonly gateway: string; readonly purges: number; readonly ms: number }[] {
    const now = this.#clock()
    return this.#sessions.opened.map(({ gateway, confirmed }) => {
      const ahead = this.#pending.filter(({ seq }) => seq > confirmed)
      return { gateway, purges: ahead.length, ms: now - (ahead[0]?.issuedAt ?? now) }
    })
  }

  get counts(): { sessions: number; leases: number; waiting: number; purgesPending: number } {
    return {
      sessions: this.#sessions.opened.length,
      ...this.#leases.counts,
      purgesPending: this.#pending.length,
    }
  }

  #answerPurges(): void {
    // Until then a session of the epoch before may have an L1 in use that this service knows nothing of.
    if (this.#clock() - this.#bornAt < SESSION_MS) return
    const confirmed = this.#sessions.confirmed
    while (this.#pending[0] && this.#pending[0].seq <= confirmed) this.#pending.shift()?.resolve()
  }
}
