/** The right to fill one entry for the whole cluster, as its holder has it. It stands while its answer stays open. */
import type { Pool } from 'undici'
import type { LineReader } from './lines.ts'
import { HEADER, type Surrender } from './wire.ts'

/** A fill is delivered at the latest this long after its end, stored or not. */
const STORE_MS = 1000

export class Lease {
  readonly #pool: Pool
  readonly #hash: string
  readonly #token: string
  readonly #drop: () => void

  constructor(pool: Pool, hash: string, token: string, answer: LineReader, drop: () => void) {
    this.#pool = pool
    this.#hash = hash
    this.#token = token
    this.#drop = drop
    // Read to its end, so that the connection serves others once the service has ended the lease.
    void answer.remainder().catch(() => {})
  }

  /** Stores the frame; whether L2 took it. Never rejects. */
  async fill(frame: Buffer): Promise<boolean> {
    const status = await this.#send('PUT', '', frame)
    if (status === 413) await this.surrender({ reason: 'uncacheable' })
    else if (status !== 204) this.#drop()
    return status === 204
  }

  /** Gives it up. `awaited`: others wait for the fill, which is to go on. Never rejects. */
  async surrender(why: Surrender): Promise<'ended' | 'awaited'> {
    const query = new URLSearchParams(Object.entries(why).map(([name, value]) => [name, String(value)]))
    const status = await this.#send('DELETE', `?${query}`)
    if (why.reason === 'abandoned' && status === 409) return 'awaited'
    if (status !== 204) this.#drop()
    return 'ended'
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
