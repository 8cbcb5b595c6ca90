/** A lease as Valkey keeps it: it lives while its holder renews it. */
import type { Entry } from '../cache.ts'
import { frame, seal } from '../frame.ts'
import type { Lease } from '../lease.ts'
import { MAX_FRAME_BYTES, type Surrender } from '../wire.ts'
import type { Connection } from './connection.ts'
import { hashName, LEASE_TTL_MS } from './scripts.ts'

const RENEW_MS = LEASE_TTL_MS / 4
/** A fill is delivered at the latest this long after its end, stored or not. */
const STORE_MS = 1000

export class ValkeyLease implements Lease {
  readonly #connection: Connection
  readonly #hash: string
  readonly #token: string
  readonly #clock: () => number
  readonly #ended = Promise.withResolvers<void>()
  readonly #timer: NodeJS.Timeout
  readonly #stopListening: () => void
  /** Sending what was answered last. */
  #renewedAt: number

  constructor(connection: Connection, hash: string, token: string, clock: () => number) {
    this.#connection = connection
    this.#hash = hash
    this.#token = token
    this.#clock = clock
    this.#renewedAt = clock()
    this.#timer = setInterval(() => void this.#renew(), RENEW_MS)
    this.#stopListening = connection.listen([hashName(hash)], () => void this.#renew())
  }

  async fill(entry: Entry, ageMs: number): Promise<boolean> {
    const bytes = frame(seal(entry), ageMs)
    if (bytes.length > MAX_FRAME_BYTES) {
      await this.surrender({ reason: 'uncacheable' })
      return false
    }
    const { fresh, whileRevalidate, ifError, keep } = entry.windows
    const ttl = Math.floor(keep - ageMs)
    if (ttl <= 0) {
      void this.drop()
      return false
    }
    this.#end()
    const age = Math.ceil(ageMs)
    const stored = await this.#run('fill', [bytes, age, fresh, whileRevalidate, ifError, ttl, ...new Set(entry.tags)])
    if (stored === undefined) void this.drop()
    return stored === 1
  }

  async abandon(): Promise<void> {
    const left = await this.#run('surrender', ['abandoned'])
    if (left !== 0) this.#end()
    await this.ended
  }

  async surrender(why: Surrender): Promise<void> {
    this.#end()
    const failure = why.reason === 'failed' ? [JSON.stringify({ status: why.status, error: why.error })] : []
    await this.#run('surrender', [why.reason, ...failure])
  }

  async drop(): Promise<void> {
    this.#end()
    await this.#run('surrender', ['dropped'])
  }

  /** Resolves when it is given up, or known to stand no more. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  async #renew(): Promise<void> {
    const sentAt = this.#clock()
    const stands = await this.#run('renew', [])
    if (stands === 1) this.#renewedAt = sentAt
    if (stands === 0 || this.#clock() - this.#renewedAt > LEASE_TTL_MS) this.#end()
  }

  #end(): void {
    clearInterval(this.#timer)
    this.#stopListening()
    this.#ended.resolve()
  }

  async #run(script: 'fill' | 'surrender' | 'renew', args: readonly (string | number | Buffer)[]) {
    try {
      return await this.#connection.run(script, [this.#hash, this.#token, ...args], STORE_MS)
    } catch {
      return undefined
    }
  }
}
