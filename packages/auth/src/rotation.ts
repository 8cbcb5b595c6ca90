/** A new signing key in three steps, of which none signs anybody out: known first, then used, then the old one forgotten. */
import { generateKey, type Jwk, type KeyTexts, keySet, keySetText, standing, withoutPrivateHalf } from './keys.ts'
import { LEEWAY_MS } from './remembered.ts'
import { TOKEN_LIFETIME_S } from './tokens.ts'

export interface Rotation {
  readonly kid: string
  /** Write these first: everybody knows the new key, the old one signs. */
  readonly introduced: KeyTexts
  /**
   * Write these when everybody has read the first: the new key signs. The old one is known until the last token that it
   * signed has ended, which its `exp` says, and left out by the next rotation.
   */
  switched(): KeyTexts
}

/** @throws {KeyError} where the text that signs is no usable key set */
export function rotate(signing: string, source: string): Rotation {
  const old = standing(keySet(signing, source))
  const next = generateKey()
  const texts = (keys: readonly Jwk[]): KeyTexts => ({
    signing: keySetText(keys),
    verifying: keySetText(keys.map(withoutPrivateHalf)),
  })
  return {
    kid: next.kid,
    introduced: texts([...old, next]),
    switched() {
      const exp = Math.ceil(Date.now() / 1000 + 2 * (LEEWAY_MS / 1000) + TOKEN_LIFETIME_S)
      return texts([next, ...old.map((key) => ({ ...withoutPrivateHalf(key), exp: key.exp ?? exp }))])
    },
  }
}
