/** Keys whose origin failed a short while ago: who may have what is stale then need not wait until it fails again. */
import { Marks } from './marks.ts'

/** Two fills of 15 s: the request that tries again in the background has ended before this is forgotten. */
const REMEMBERED_MS = 30_000
const OUT_OF_ORDER = new Set([500, 502, 503, 504])

/** Whether a stale answer will do instead of one with this status (RFC 5861, 4). */
export function isOutOfOrder(status: number): boolean {
  return OUT_OF_ORDER.has(status)
}

export class Failures {
  readonly #failed: Marks

  constructor(clock: () => number) {
    this.#failed = new Marks(REMEMBERED_MS, clock)
  }

  has(key: string): boolean {
    return this.#failed.has(key)
  }

  add(key: string, status: number): void {
    if (isOutOfOrder(status)) this.#failed.add(key)
  }

  /** It was answered. */
  delete(key: string): void {
    this.#failed.delete(key)
  }
}
