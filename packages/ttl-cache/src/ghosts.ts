/** Keys of what has left, in order of leaving: as many as their values would have had room for. */

export class Ghosts {
  readonly #room: number
  /** The bytes that each had. */
  readonly #members = new Map<string, number>()
  /** Kept, since a new iterator would go over the holes that all the eldest left. */
  #walk = this.#members.entries()
  #bytes = 0

  constructor(room: number) {
    this.#room = room
  }

  add(key: string, bytes: number): void {
    this.take(key)
    this.#members.set(key, bytes)
    this.#bytes += bytes
    while (this.#bytes > this.#room) this.#forgetEldest()
  }

  /** Whether it was there; it is no more. */
  take(key: string): boolean {
    this.#bytes -= this.#members.get(key) ?? 0
    return this.#members.delete(key)
  }

  #forgetEldest(): void {
    let step = this.#walk.next()
    if (step.done) {
      this.#walk = this.#members.entries()
      step = this.#walk.next()
    }
    if (step.value) this.take(step.value[0])
  }
}
