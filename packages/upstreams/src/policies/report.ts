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
  /** Milliseconds that an answer would take, for its weight. */
  #latency = 0
  #doubtful = false
  #saidAt: number | undefined

  constructor(candidate: Candidate) {
    this.candidate = candidate
  }

  read(now: number): void {
    const { inFlight, weight, said: word } = this.candidate
    const own = this.candidate.latency(now)
    const said = word && now - word.at <= AGE ? word : undefined
    if (said?.at !== this.#saidAt) this.uses = 0
    this.#saidAt = said?.at
    this.#doubtful = own >= DOUBT
    this.load = Math.max(inFlight, said ? said.inFlight + this.uses : 0) / weight
    // What it says is of as many as it had in flight then, and what we measured may be of times when there were few.
    const perRequest = said && !this.#doubtful ? said.latencyMs / (said.inFlight + 1) : own
    const ahead = said && !this.#doubtful ? this.load * weight : inFlight
    this.#latency = (perRequest * (ahead + 1)) / weight
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
