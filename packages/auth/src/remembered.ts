/** What verified tokens said, so that a signature is checked once. */
import type { Identity } from './tokens.ts'

export const LEEWAY_MS = 5000
/** The oldest makes way. With their tokens about 1 kB each. */
const MOST = 5000

/**
 * Until a token's `exp` (and the leeway) is over. Refusals are not remembered: one that is not valid yet must be looked at
 * again. Not fast-jwt's own cache, which reads a token's header and makes a digest of it each time, at 20 times the cost.
 */
export class Remembered<Verifier> {
  readonly #known = new Map<string, { readonly identity: Identity; readonly by: Verifier }>()

  find(token: string): Identity | undefined {
    const identity = this.#known.get(token)?.identity
    if (identity === undefined || Date.now() < identity.expiresAt * 1000 + LEEWAY_MS) return identity
    this.#known.delete(token)
    return undefined
  }

  add(token: string, identity: Identity, by: Verifier): void {
    if (this.#known.size >= MOST) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(token, { identity, by })
  }

  /** Forgets what others than these have verified. */
  keep(verifiers: ReadonlySet<Verifier>): void {
    for (const [token, { by }] of this.#known) if (!verifiers.has(by)) this.#known.delete(token)
  }
}
