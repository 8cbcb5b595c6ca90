/** First in, first out, by bytes; whoever is in it can leave from its middle. */

export interface Queued<Item> {
  readonly bytes: number
  older: Item | undefined
  newer: Item | undefined
}

export class Queue<Item extends Queued<Item>> {
  #oldest: Item | undefined
  #newest: Item | undefined
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get oldest(): Item | undefined {
    return this.#oldest
  }

  push(item: Item): void {
    item.older = this.#newest
    item.newer = undefined
    if (this.#newest) this.#newest.newer = item
    else this.#oldest = item
    this.#newest = item
    this.#bytes += item.bytes
  }

  remove(item: Item): void {
    if (item.older) item.older.newer = item.newer
    else this.#oldest = item.newer
    if (item.newer) item.newer.older = item.older
    else this.#newest = item.older
    this.#bytes -= item.bytes
  }
}
