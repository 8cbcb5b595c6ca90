/** What has been revoked and could still be taken: single tokens, and all that somebody was given until some second. */
import { type Static, Type } from 'typebox'
import type { Identity } from './tokens.ts'

/** All times are seconds since 1970. */
const Time = Type.Integer({ minimum: 0 })
/** No token that it names is taken any more from then on, revoked or not. */
const endsAt = Time
const closed = { additionalProperties: false }

export const Revocation = Type.Union([
  Type.Object({ tokenId: Type.String({ minLength: 1 }), endsAt }, closed),
  /** Of all of the subject's tokens whose `iat` is no later. */
  Type.Object({ subject: Type.String({ minLength: 1 }), issuedUntil: Time, endsAt }, closed),
])
export type Revocation = Static<typeof Revocation>

/** So many at once as a reader can bear; `next` is where the next page begins, `more` whether there is one now. */
export const RevocationPage = Type.Object({ revocations: Type.Array(Revocation), next: Time, more: Type.Boolean() })
export type RevocationPage = Static<typeof RevocationPage>

/** As many as tokens that live: a sweep forgets those that have ended by themselves. */
export class Revocations {
  readonly #tokens = new Map<string, { readonly endsAt: number }>()
  readonly #subjects = new Map<string, { readonly issuedUntil: number; readonly endsAt: number }>()

  /** Known ones may come again, in any order. */
  add(revocation: Revocation): void {
    if ('tokenId' in revocation) {
      this.#tokens.set(revocation.tokenId, revocation)
      return
    }
    const before = this.#subjects.get(revocation.subject)
    if (!before || before.issuedUntil < revocation.issuedUntil) this.#subjects.set(revocation.subject, revocation)
  }

  /** A token that does not say when it was issued counts as the oldest. */
  has({ tokenId, subject, issuedAt = Number.NEGATIVE_INFINITY }: Identity): boolean {
    if (this.#tokens.size > 0 && tokenId !== undefined && this.#tokens.has(tokenId)) return true
    const all = this.#subjects.size > 0 ? this.#subjects.get(subject) : undefined
    return all !== undefined && issuedAt <= all.issuedUntil
  }

  sweep(): void {
    const now = Date.now() / 1000
    for (const known of [this.#tokens, this.#subjects]) {
      for (const [name, { endsAt }] of known) if (endsAt <= now) known.delete(name)
    }
  }
}
