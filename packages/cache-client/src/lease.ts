/** The right to fill one entry for the whole cluster, as its holder has it. It stands while its answer stays open. */
import type { Dispatcher } from 'undici'
import type { LineReader } from './lines.ts'
import { HEADER, type Surrender } from './wire.ts'

/** A fill is delivered at the latest this long after its end, stored or not. */
const STORE_MS = 1000

export class Lease {
  readonly #pool: Dispatcher
  readonly #hash: string
  readonly #token: string
  readonly #ended: Promise<unknown>
  /** Gives it up by closing its answer, whoever waits: for a holder that has nothing to go on with. */
  readonly drop: () => void

  constructor(pool: Dispatcher, hash: string, token: string, answer: LineReader, drop: () => void) {
    this.#pool = pool
    this.#hash = hash
    this.#token = token
    this.drop = drop
    // Read to its end, so that the connection serves others once the service has ended the lease.
    this.#ended = answer.remainder().catch(() => {})
  }

  /** Stores the frame; whether L2 took it. Never rejects. */
  async fill(frame: Buffer): Promise<boolean> {
    const status = await this.#send('PUT', '', frame)
    if (status === 413) await this.surrender({ reason: 'uncacheable' })
    else if (status !== 204) this.drop()
    return status === 204
  }

  /** Nobody waits for it here. Resolves once nobody does elsewhere, until when the fill is to go on. Never rejects. */
  async abandon(): Promise<void> {
    const status = await this.surrender({ reason: 'abandoned' })
    if (status === 409) await this.#ended
  }

  /** Gives it up; resolves with the service's answer, where there is one. Never rejects. */
  async surrender(why: Surrender): Promise<number | undefined> {
    const query = new URLSearchParams(Object.entries(why).map(([name, value]) => [name, String(value)]))
    const status = await this.#send('DELETE', `?${query}`)
    if (status !== 204 && status !== 409) this.drop()
    return status
  }

  async #send(method: 'PUT' | 'DELETE', query: string, body?: Buffer): Promise<number | undefined> {
    try {
      const response = await this.#pool.request({
        method,
        path: `/entries/${this.#hash}${query}`,
        headers: { [HEADER.token]: this.#token, ...(body ? { 'content-type': 'application/octet-stream' } : {}) },
        body: body ?? null,
        signal: AbortSignal.timeout(STORE_MS),
      })
      await response.body.dump()
      return response.statusCode
    } catch {
      return undefined
    }
  }
}
