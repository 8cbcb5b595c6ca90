/** Readers and writers at every gateway who know what may be answered: each acknowledged write is a floor under later reads. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster, Gateway } from './cluster.ts'

const KEYS = 40
const READERS = 8
const PAUSE_MS = 4
const BETWEEN_WRITES_MS = 25

/** What the load saw, from one reading to the next. */
export interface Figures {
  seconds: number
  readsPerSecond: number
  /** In L1 or L2, of all reads, in per cent. */
  hits: number
  fills: number
  failedReads: number
  staleReads: number
  slowestReadMs: number
  writes: number
  unconfirmedWrites: number
  slowestWriteMs: number
}

const nothing = () => ({
  reads: 0,
  hits: 0,
  failed: 0,
  stale: 0,
  slowestRead: 0,
  writes: 0,
  unconfirmed: 0,
  slowestWrite: 0,
})

export class Load {
  readonly #cluster: Cluster
  readonly #keys: number
  readonly #floors = new Map<string, number>()
  readonly #running: Promise<unknown>
  #stopped = false
  #seen = nothing()
  #since = performance.now()
  #fills: number

  /** Begins at once. `keys`: how many. */
  constructor(cluster: Cluster, keys = KEYS) {
    this.#cluster = cluster
    this.#keys = keys
    this.#fills = cluster.fills
    const readers = cluster.gateways.flatMap((gateway) => Array.from({ length: READERS }, () => this.#read(gateway)))
    this.#running = Promise.all([...readers, ...cluster.gateways.map((gateway) => this.#write(gateway))])
  }

  /** The figures of what is done meanwhile. */
  async during(act: () => Promise<unknown>): Promise<Figures> {
    this.#figures()
    await act()
    return this.#figures()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #read(gateway: Gateway): Promise<void> {
    while (!this.#stopped) {
      const key = this.#anyKey()
      const floor = this.#floors.get(key) ?? 0
      const began = performance.now()
      try {
        const { version, how } = await gateway.tell('read', key)
        this.#seen.reads++
        if (version < floor) this.#seen.stale++
        if (how === 'l1' || how === 'l2') this.#seen.hits++
        this.#seen.slowestRead = Math.max(this.#seen.slowestRead, performance.now() - began)
      } catch {
        this.#seen.failed++
        await delay(20)
      }
      await delay(PAUSE_MS)
    }
  }

  async #write(gateway: Gateway): Promise<void> {
    while (!this.#stopped) {
      const key = this.#anyKey()
      const began = performance.now()
      try {
        const { version } = await gateway.tell('write', key)
        this.#floors.set(key, Math.max(this.#floors.get(key) ?? 0, version))
        this.#seen.writes++
        this.#seen.slowestWrite = Math.max(this.#seen.slowestWrite, performance.now() - began)
      } catch {
        this.#seen.unconfirmed++
      }
      await delay(BETWEEN_WRITES_MS)
    }
  }

  #anyKey(): string {
    return `key-${Math.floor(Math.random() * this.#keys)}`
  }

  #figures(): Figures {
    const { reads, hits, failed, stale, slowestRead, writes, unconfirmed, slowestWrite } = this.#seen
    const now = performance.now()
    const seconds = (now - this.#since) / 1000
    const fills = this.#cluster.fills - this.#fills
    this.#seen = nothing()
    this.#since = now
    this.#fills = this.#cluster.fills
    return {
      seconds: Number(seconds.toFixed(1)),
      readsPerSecond: Math.round(reads / seconds),
      hits: Math.round((100 * hits) / Math.max(1, reads)),
      fills,
      failedReads: failed,
      staleReads: stale,
      slowestReadMs: Math.round(slowestRead),
      writes,
      unconfirmedWrites: unconfirmed,
      slowestWriteMs: Math.round(slowestWrite),
    }
  }
}
