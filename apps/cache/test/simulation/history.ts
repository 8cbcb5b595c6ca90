/** What was seen from outside, and whether the promise held: floors under reads, one standing lease a key, fenced fills. */
import type { Entry, Purge } from '@spillway/cache-client'
import type { Answer } from './network.ts'
import type { Timeline } from './timeline.ts'

interface Grant {
  readonly token: string
  /** Open as long as the lease stands. */
  readonly answer: Answer
  /** How many purges there had been. */
  readonly purges: number
}

export class History {
  readonly #timeline: Timeline
  readonly #log: string[] = []
  /** The newest acknowledged version of each key. */
  readonly #floors = new Map<string, number>()
  /** The newest grant for each hash, and how many purges there had been. */
  readonly #grants = new Map<string, Grant>()
  readonly #purges: Purge[] = []
  /** The first breach of the promise. */
  violation: string | undefined

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  note(what: string): void {
    this.#log.push(`${this.#timeline.now.toFixed(1)} ${what}`)
  }

  /** A read that begins now may return this version or a newer one. */
  floor(key: string): number {
    return this.#floors.get(key) ?? 0
  }

  acknowledged(key: string, version: number): void {
    this.note(`write of ${key} ${version} is acknowledged`)
    this.#floors.set(key, Math.max(this.floor(key), version))
  }

  returned(key: string, floor: number, version: number, how: string): void {
    if (version < floor)
      this.#breach(`${how} returned ${key} ${version}, though ${floor} was acknowledged before it began`)
  }

  granted(hash: string, token: string, answer: Answer): void {
    this.note(`lease ${token} of ${hash.slice(0, 4)}`)
    const before = this.#grants.get(hash)
    if (before && !before.answer.closed) this.#breach(`lease ${token} was granted while ${before.token} stood`)
    this.#grants.set(hash, { token, answer, purges: this.#purges.length })
  }

  /** No lease outlives its service. */
  crashed(): void {
    this.#grants.clear()
  }

  purged(purge: Purge): void {
    this.note(`purge ${JSON.stringify(purge)}`)
    this.#purges.push(purge)
  }

  isOpen(hash: string, token: string): boolean {
    const grant = this.#grants.get(hash)
    return grant?.token === token && !grant.answer.closed
  }

  /** `wasOpen`: whether the lease's answer was open as the fill came. */
  filled(hash: string, token: string, wasOpen: boolean, { key, tags, body }: Entry): void {
    this.note(`fill ${token} of ${key} ${body} is stored`)
    if (!wasOpen) this.#breach(`a fill was stored under ${token}, which did not stand`)
    const since = this.#purges.slice(this.#grants.get(hash)?.purges)
    const names = (purge: Purge) =>
      'all' in purge || ('keys' in purge ? purge.keys.includes(key) : purge.tags.some((tag) => tags.includes(tag)))
    if (since.some(names)) this.#breach(`a fill was stored under ${token}, though it was purged since`)
  }

  #breach(what: string): void {
    this.violation ??= [...this.#log.slice(-60), `${this.#timeline.now.toFixed(1)} BREACH: ${what}`].join('\n')
  }
}
