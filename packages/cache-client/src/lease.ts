/** The right to fill one entry for the whole cluster, as its holder has it. */
import type { Dispatcher } from 'undici'
import type { Entry } from './cache.ts'
import { frame, seal } from './frame.ts'
import { Incoming } from './incoming.ts'
import type { LineReader } from './lines.ts'
import { HEADER, type Surrender } from './wire.ts'

/** A fill is delivered at the latest this long after its end, stored or not. */
const STORE_MS = 1000

export interface Lease {
  /** Stores the entry, of which that is the age; whether L2 took it. Never rejects. */
  fill(entry: Entry, ageMs: number): Promise<boolean>
  /** Nobody waits for it here. Resolves once nobody does elsewhere, until when the fill is to go on. Never rejects. */
  abandon(): Promise<void>
  /** Gives it up. Never rejects. */
  surrender(why: Surrender): Promise<unknown>
  /** Gives it up, whoever waits: for a holder that has nothing to go on with. Never rejects. */
  drop(): void | Promise<void>
}

/** One of the cache service: it stands while its answer stays open. */
export class ServiceLease implements Lease {
  readonly #pool: Dispatcher
  readonly #hash: string
  readonly #token: string
  readonly #ended: Promise<unknown>
  /** Closes its answer. */
  readonly drop: () => void

  constructor(pool: Dispatcher, hash: string, token: string, answer: LineReader, drop: () => void) {
    this.#pool = pool
    this.#hash = hash
    this.#token = token
    this.drop = drop
    // Read to its end, so that the connection serves others once the service has ended the lease.
    this.#ended = answer.remainder().catch(() => {})
  }

  async fill(entry: Entry, ageMs: number): Promise<boolean> {
    const status = await this.#send('PUT', '', frame(seal(entry), ageMs))
    if (status === 413) await this.surrender({ reason: 'uncacheable' })
    else if (status !== 204) this.drop()
    return status === 204
  }

  async abandon(): Promise<void> {
    const status = await this.surrender({ reason: 'abandoned' })
    if (status === 409) await this.#ended
  }

  /** Resolves with the service's answer, where there is one. */
  async surrender(why: Surrender): Promise<number | undefined> {
    const query = new URLSearchParams(Object.entries(why).map(([name, value]) => [name, String(value)]))
    const status = await this.#send('DELETE', `?${query}`)
    if (status !== 204 && status !== 409) this.drop()
    return status
  }

  async #send(method: 'PUT' | 'DELETE', query: string, body?: Buffer): Promise<number | undefined> {
    const answer = new Incoming()
    const late = setTimeout(() => answer.destroy(), STORE_MS)
    const headers = { [HEADER.token]: this.#token, ...(body ? { 'content-type': 'application/octet-stream' } : {}) }
    try {
      this.#pool.dispatch({ method, path: `/entries/${this.#hash}${query}`, headers, body: body ?? null }, answer)
      const { status } = await answer.head
      await answer.dump()
      return status
    } catch {
      return undefined
    } finally {
      clearTimeout(late)
    }
  }
}
