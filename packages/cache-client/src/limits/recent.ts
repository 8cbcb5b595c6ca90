/** A map of at most so many keys, in two generations: those longest unseen leave, and a lookup costs hardly more than a map's. */

export class Recent<V> {
  #young = new Map<string, V>()
  #old = new Map<string, V>()
  #bornAt = Number.NEGATIVE_INFINITY
  readonly #half: number
  /** Milliseconds for which whatever was seen is kept, while there is room. */
  keepMs: number

  constructor(options: { maxKeys: number; keepMs: number }) {
    this.#half = Math.max(1, Math.floor(options.maxKeys / 2))
    this.keepMs = options.keepMs
  }

  /** Counts as seen. `now`: milliseconds. */
  get(key: string, now: number): V | undefined {
    if (now - this.#bornAt >= this.keepMs) this.#age(now)
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old, now)
    return old
  }

  set(key: string, value: V, now: number): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) this.#age(now)
    this.#young.set(key, value)
  }

  /** Those counted twice that were seen in both generations. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  #age(now: number): void {
    this.#old = this.#young
    this.#young = new Map()
    this.#bornAt = now
  }
}
