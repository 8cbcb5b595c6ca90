/** Mistakes that somebody could make in the code that keeps the promise. Each must be noticed: else the trial proves nothing. */

export interface Mistake {
  /** What is wrong with it. */
  readonly it: string
  /** Under the repository. */
  readonly file: string
  readonly code: string
  readonly instead: string
}

const CLIENT = 'packages/cache-client/src'
const SERVICE = 'apps/cache/src'

export const mistakes: readonly Mistake[] = [
  {
    it: 'uses L1 for as long as the service waits, with no margin for clocks that drift',
    file: `${CLIENT}/wire.ts`,
    code: 'L1_MS = 1800',
    instead: 'L1_MS = 2000',
  },
  {
    it: 'counts L1’s time from the answer to a confirmation, not from its sending',
    file: `${CLIENT}/session.ts`,
    code: 'this.#usableUntil = sentAt + L1_MS',
    instead: 'this.#usableUntil = this.#effects.clock() + L1_MS',
  },
  {
    it: 'uses L1 until somebody notices that the session is over, not by the clock',
    file: `${CLIENT}/session.ts`,
    code: 'this.#effects.clock() < this.#usableUntil',
    instead: 'this.#usableUntil !== Number.NEGATIVE_INFINITY',
  },
  {
    it: 'confirms a purge of tags without forgetting',
    file: `${CLIENT}/session.ts`,
    code: 'this.#effects.apply(line)',
    instead: "if (!('tags' in line)) this.#effects.apply(line)",
  },
  {
    it: 'keeps what L1 holds from one session to the next',
    file: `${CLIENT}/link.ts`,
    code: '    empty()\n',
    instead: '',
  },
  {
    it: 'says goodbye before it has stopped using L1',
    file: `${CLIENT}/link.ts`,
    code: 'const session = this.#session\n    this.#closing',
    instead: 'const session = this.#session\n    if (session) await this.#leave(session.id)\n    this.#closing',
  },
  {
    it: 'lets readers join a fill that a purge may have overtaken',
    file: `${CLIENT}/flight.ts`,
    code: 'session === this.#session && !this.#overtaken(session)',
    instead: 'session === this.#session',
  },
  {
    it: 'lets readers join a fill whose key alone was not purged, its tags being unknown',
    file: `${CLIENT}/flight.ts`,
    code: 'purges.mayHaveOvertaken(this.#since, this.#key)',
    instead: 'purges.overtook(this.#since, this.#key, [])',
  },
  {
    it: 'lets readers join a fill of another session',
    file: `${CLIENT}/flight.ts`,
    code: 'session !== undefined && session === this.#session &&',
    instead: 'session !== undefined &&',
  },
  {
    it: 'lets readers join a fill under way where there is no session',
    file: `${CLIENT}/flight.ts`,
    code: "if (this.#phase.is === 'queued') return true",
    instead: 'if (!session) return true',
  },
  {
    it: 'puts into L1 what was purged since the answer was certain',
    file: `${CLIENT}/flight.ts`,
    code: '|| session.purges.overtook(this.#since, entry.key, entry.tags)',
    instead: '',
  },
  {
    it: 'takes an answer for as new as the moment at which it came',
    file: `${CLIENT}/flight.ts`,
    code: 'session.purges.overtook(this.#since, entry.key',
    instead: 'session.purges.overtook(session.applied, entry.key',
  },
  {
    it: 'puts into L1 what a session that is over has brought',
    file: `${CLIENT}/flight.ts`,
    code: '!session?.live() ||',
    instead: '!session ||',
  },
  {
    it: 'hands out what is being revalidated, though it was purged meanwhile',
    file: `${CLIENT}/flight.ts`,
    code: 'return overtaken ? undefined : before',
    instead: 'return before',
  },
  {
    it: 'revalidates what L1 holds, though its purge may be on its way',
    file: `${CLIENT}/flight.ts`,
    code: 'since < this.#since ? undefined : this.#effects.held()',
    instead: 'this.#effects.held()',
  },
  {
    it: 'answers a write at once where the service refuses connections',
    file: `${CLIENT}/purging.ts`,
    code: 'await delay(SESSION_MS, undefined, { signal: closing })',
    instead: 'await Promise.resolve()',
  },
  {
    it: 'takes a purge whose connection broke for answered',
    file: `${CLIENT}/purging.ts`,
    code: 'if (!response) return false',
    instead: 'if (!response) return true',
  },
  {
    it: 'answers a purge before the gateways have confirmed it',
    file: `${SERVICE}/coherence.ts`,
    code: 'this.#pending[0].seq <= confirmed',
    instead: 'this.#pending[0].seq <= confirmed + 1',
  },
  {
    it: 'answers a purge when one gateway has confirmed it',
    file: `${SERVICE}/sessions.ts`,
    code: 'let least = Number.POSITIVE_INFINITY\n    for (const { confirmed, until } of this.#sessions.values()) if (now < until) least = Math.min(least, confirmed)',
    instead:
      'let least = 0\n    for (const { confirmed, until } of this.#sessions.values()) if (now < until) least = Math.max(least, confirmed)',
  },
  {
    it: 'does not wait for a gateway whose stream has closed',
    file: `${SERVICE}/sessions.ts`,
    code: 'for (const { confirmed, until } of this.#sessions.values()) if (now < until)',
    instead: "for (const { state, confirmed, until } of this.#sessions.values()) if (state === 'open' && now < until)",
  },
  {
    it: 'takes a new session for one that has confirmed everything to come',
    file: `${SERVICE}/sessions.ts`,
    code: 'confirmed: seq,',
    instead: 'confirmed: Number.MAX_SAFE_INTEGER,',
  },
  {
    it: 'answers purges as soon as it has booted',
    file: `${SERVICE}/coherence.ts`,
    code: 'if (this.#clock() - this.#bornAt < SESSION_MS) return',
    instead: '',
  },
  {
    it: 'forgets to drop from L2 what a purge’s tags name',
    file: `${SERVICE}/coherence.ts`,
    code: 'this.#store.purgeTag(tag)',
    instead: 'void tag',
  },
  {
    it: 'stores a fill whatever was purged since its lease was granted',
    file: `${SERVICE}/coherence.ts`,
    code: 'if (this.#purged.overtook(lease.seq, key, tags)) {',
    instead: 'if (false as boolean) {',
  },
  {
    it: 'judges a fill by what was purged since now',
    file: `${SERVICE}/coherence.ts`,
    code: 'this.#purged.overtook(lease.seq, key, tags)',
    instead: 'this.#purged.overtook(this.#seq, key, tags)',
  },
  {
    it: 'takes any token for that of the lease that stands',
    file: `${SERVICE}/leases.ts`,
    code: 'lease?.token === token &&',
    instead: 'lease &&',
  },
  {
    it: 'grants a lease to whoever asks, though one stands',
    file: `${SERVICE}/leases.ts`,
    code: 'if (slot) {\n      slot.waiting',
    instead: 'if (slot && slot.waiting.size > 5) {\n      slot.waiting',
  },
  {
    it: 'tells those who wait nothing when a lease’s holder has gone',
    file: `${SERVICE}/leases.ts`,
    code: 'if (slot?.lease.holder === asker) this.pass(hash)',
    instead: 'if (slot?.lease.holder === asker) return',
  },
]
