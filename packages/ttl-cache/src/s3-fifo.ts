/**
 * Three queues instead of recency (Yang et al., FIFO queues are all you need for cache eviction, SOSP 2023): most keys are
 * asked for once, so newcomers share a tenth of the room and leave it soon, unless they are asked for again.
 *
 * ```
 * new ------------> small --used twice--> main <--used since-- main
 *                     |                    ^ |
 *                     v                    | v
 *                  ghosts --asked again----' out
 * ```
 */
import { Ghosts } from './ghosts.ts'
import type { Gone, Residents } from './policy.ts'
import { Queue, type Queued } from './queue.ts'

interface Resident<V> extends Queued<Resident<V>> {
  readonly key: string
  readonly value: V
  readonly bytes: number
  queue: Queue<Resident<V>>
  /** Since it came into its queue, or was spared there; counted no further than `MOST_USES`. */
  uses: number
}

/** Newcomers' part of the room. */
const SMALL = 0.1
const MOST_USES = 3
const USES_TO_STAY = 2
/**
 * Where everything has been used, the paper spares all of `main` up to three times to find whom to throw out: 300,000
 * steps of 100,000 entries. After this many, the next is as good as any.
 */
const MOST_SPARED = 64

export function s3Fifo<V extends object>(maxBytes: number, gone: Gone<V>): Residents<V> {
  return new S3Fifo(maxBytes, gone)
}

class S3Fifo<V extends object> implements Residents<V> {
  readonly #maxBytes: number
  readonly #gone: Gone<V>
  readonly #residents = new Map<string, Resident<V>>()
  readonly #small = new Queue<Resident<V>>()
  readonly #main = new Queue<Resident<V>>()
  readonly #ghosts: Ghosts

  constructor(maxBytes: number, gone: Gone<V>) {
    this.#maxBytes = maxBytes
    this.#gone = gone
    this.#ghosts = new Ghosts(maxBytes * (1 - SMALL))
  }

  get size(): number {
    return this.#residents.size
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes
  }

  get(key: string): V | undefined {
    const resident = this.#residents.get(key)
    if (!resident) return undefined
    if (resident.uses < MOST_USES) resident.uses++
    return resident.value
  }

  set(key: string, value: V, bytes: number): void {
    const known = this.#residents.get(key)
    if (known) this.#remove(known, 'removed')
    const queue = known?.queue ?? (this.#ghosts.take(key) ? this.#main : this.#small)
    while (this.bytes + bytes > this.#maxBytes) this.#evict()
    const resident = { key, value, bytes, queue, uses: known?.uses ?? 0, older: undefined, newer: undefined }
    this.#residents.set(key, resident)
    queue.push(resident)
  }

  /** Who is asked for again after expiry or a purge has proved that he is no passer-by. */
  delete(key: string): void {
    const resident = this.#residents.get(key)
    if (!resident) return
    this.#remove(resident, 'removed')
    this.#ghosts.add(key, resident.bytes)
  }

  #evict(): void {
    const newcomer = this.#small.oldest
    if (newcomer && (this.#small.bytes > SMALL * this.#maxBytes || !this.#main.oldest)) this.#judge(newcomer)
    else this.#thin()
  }

  /** The eldest newcomer has had his time. */
  #judge(newcomer: Resident<V>): void {
    if (newcomer.uses >= USES_TO_STAY) {
      this.#move(newcomer, this.#main, 0)
    } else {
      this.#remove(newcomer, 'evicted')
      this.#ghosts.add(newcomer.key, newcomer.bytes)
    }
  }

  #thin(): void {
    let oldest = this.#main.oldest
    for (let spared = 0; oldest && oldest.uses > 0 && spared < MOST_SPARED; spared++) {
      this.#move(oldest, this.#main, oldest.uses - 1)
      oldest = this.#main.oldest
    }
    if (oldest) this.#remove(oldest, 'evicted')
  }

  #move(resident: Resident<V>, queue: Queue<Resident<V>>, uses: number): void {
    resident.queue.remove(resident)
    resident.queue = queue
    resident.uses = uses
    queue.push(resident)
  }

  #remove(resident: Resident<V>, why: 'evicted' | 'removed'): void {
    resident.queue.remove(resident)
    this.#residents.delete(resident.key)
    this.#gone(resident.value, why)
  }
}
