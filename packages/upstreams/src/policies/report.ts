/** What `prequal` knows of an endpoint in its pool: its own word while that is fresh, else what we measured. */
import type { Candidate } from './policy.ts'

/** Milliseconds for which an endpoint's word is believed (the paper's). */
const AGE = 1000
/** Milliseconds we measured from which its word does not count: a failure is 5 s, and what fails says how fast it does. */
const DOUBT = 2500

export class Report {
  readonly candidate: Candidate
  /** Where it stood among the candidates when it was last looked at. */
  index = 0
  /** Requests in flight there, for its weight. */
  load = 0
  /** How often it was chosen since it last spoke: what the others do not count in yet. */
  uses = 0
  /** Milliseconds that an answer would take. */
  #latency = 0
  #doubtful = false
  #saidAt: number | undefined

  constructor(candidate: Candidate) {
    this.candidate = candidate
  }

  /** @param heaviest weight of those that it is compared with: with that much weight, all in flight count */
  read(now: number, heaviest: number): void {
    const { inFlight, weight, said: word } = this.candidate
    const own = this.candidate.latency(now)
    const fresh = word && now - word.at <= AGE ? word : undefined
    if (fresh?.at !== this.#saidAt) this.uses = 0
    this.#saidAt = fresh?.at
    this.#doubtful = own >= DOUBT
    const load = Math.max(inFlight, fresh ? fresh.inFlight + this.uses : 0)
    this.load = load / weight
    // What it says is of as many as it had in flight then; what we measured, of times when there may have been few.
    if (fresh && !this.#doubtful) this.#latency = (fresh.latencyMs * (load + 1)) / (fresh.inFlight + 1)
    else this.#latency = own * ((inFlight * heaviest) / weight + 1)
  }

  /** Cold before hot; of cold ones the faster, of hot ones that with less to do. */
  before(other: Report, limit: number): boolean {
    const own = this.#heat(limit)
    const others = other.#heat(limit)
    if (own === others || (own <= limit && others <= limit)) return this.#latency < other.#latency
    return own < others
  }

  /** What is in doubt is hot, however idle: others take twice the limit first. Where all is slow, that is so for all. */
  #heat(limit: number): number {
    return this.#doubtful ? Math.max(this.load, 2 * limit + 1) : this.load
  }
}
