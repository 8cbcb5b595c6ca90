/** Keys of an outside issuer, by the URL of its key set: fetched at start, again and again, and for a key that is new. */
import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { connector, destinations } from '@spillway/upstreams'
import { createRemoteJWKSet, customFetch, type JWK } from 'jose'
import { Agent, fetch } from 'undici'
import type { KeyLogger } from './key-file.ts'
import { type Algorithm, KeyError, type KeySource, type Keys, type Rules, type VerifyingKey } from './keys.ts'

export interface IssuerOptions {
  /** Of its JWK set (RFC 7517, 5). */
  readonly url: string
  /** Addresses and CIDRs that it may be at although connections lead to none such. Default: none. */
  readonly allowAddresses?: readonly string[]
  /** What `iss` must be, to the letter. */
  readonly issuer: string
  /** What `aud` must be, or hold. */
  readonly audience: string
  /** The claim that lists the roles, such as `roles` or `realm_access.roles`. */
  readonly rolesClaim: string
  readonly logger: KeyLogger
  /** Monotonic milliseconds. Default: `performance.now`. */
  readonly clock?: () => number
}

/** Milliseconds. */
const EVERY = 600_000
/** After a failure, and the least time between two looks for unknown keys: anybody can name one. */
const SOON = 30_000
const WITHIN = 5_000
/** Others' tokens carry more than ours. Node takes 16 kB of header fields altogether. */
const MAX_LENGTH = 8192
/** RFC 7518, 3.3. */
const SHORTEST_RSA = 2048

export class IssuerKeys implements KeySource {
  readonly #options: IssuerOptions
  readonly #agent: Agent
  readonly #set: ReturnType<typeof createRemoteJWKSet>
  readonly #rules: Rules
  readonly #clock: () => number
  #current: Keys
  #follower: (keys: Keys) => Promise<void> = async () => {}
  #looking: Promise<void> | undefined
  /** Also where that failed: an issuer in trouble is not to be asked for each token. */
  #lookedAt = 0
  #timer: NodeJS.Timeout | undefined

  /** @throws {KeyError} where the key set cannot be had, or holds no key that can be used */
  static async open(options: IssuerOptions): Promise<IssuerKeys> {
    const keys = new IssuerKeys(options)
    try {
      await keys.#fetch()
    } catch (cause) {
      keys.close()
      throw new KeyError(`cannot read the keys at ${options.url}: ${(cause as Error).message}`, { cause })
    }
    keys.#schedule(EVERY)
    return keys
  }

  private constructor(options: IssuerOptions) {
    const { url, issuer, audience, rolesClaim, clock = () => performance.now() } = options
    this.#options = options
    this.#agent = new Agent({ connect: connector({ allowed: destinations(options.allowAddresses) }) })
    this.#clock = clock
    const types = ['JWT', 'at+jwt']
    this.#rules = { issuer, audience, types, roles: rolesClaim.split('.'), maxLength: MAX_LENGTH }
    this.#current = { verifying: new Map(), rules: this.#rules }
    this.#set = createRemoteJWKSet(new URL(url), {
      timeoutDuration: WITHIN,
      // jose follows no redirects: what they lead to is not what the setting says.
      [customFetch]: (from, options) =>
        fetch(from, { ...options, dispatcher: this.#agent }).catch((error: Error) => {
          // Itself it says no more than `fetch failed`.
          throw error.cause ?? error
        }) as Promise<Response>,
    })
  }

  get current(): Keys {
    return this.#current
  }

  follow(follower: (keys: Keys) => Promise<void>): void {
    this.#follower = follower
  }

  async look(): Promise<void> {
    if (!this.#looking && this.#clock() - this.#lookedAt < SOON) return
    await this.#again()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    void this.#agent.destroy()
  }

  /** Keys that were had stay until others are: an issuer that is away signs nobody out. */
  #again(): Promise<void> {
    const { logger, url } = this.#options
    this.#looking ??= this.#fetch()
      .then(
        () => EVERY,
        (error: Error) => {
          logger.error({ err: error, url }, 'the issuer’s keys cannot be read; those that were stay')
          return SOON
        },
      )
      .then((wait) => {
        this.#looking = undefined
        if (this.#timer) this.#schedule(wait)
      })
    return this.#looking
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#again(), ms)
  }

  async #fetch(): Promise<void> {
    this.#lookedAt = this.#clock()
    await this.#set.reload()
    const verifying = new Map<string, VerifyingKey>()
    for (const jwk of this.#set.jwks()?.keys ?? []) {
      const key = verifyingKey(jwk)
      if (jwk.kid !== undefined && key) verifying.set(jwk.kid, key)
    }
    if (verifying.size === 0) throw new KeyError('it holds no key that has a kid and verifies signatures')
    const keys = { verifying, rules: this.#rules }
    await this.#follower(keys)
    this.#current = keys
    this.#options.logger.info({ url: this.#options.url, kids: [...verifying.keys()] }, 'the issuer’s keys are read')
  }
}

/** Undefined for keys that are not for this, or unknown: others may know them (RFC 7517, 5). */
export function verifyingKey(jwk: JWK): VerifyingKey | undefined {
  if ((jwk.use !== undefined && jwk.use !== 'sig') || (jwk.key_ops && !jwk.key_ops.includes('verify'))) return undefined
  try {
    const key = createPublicKey({ key: jwk as webcrypto.JsonWebKey, format: 'jwk' })
    const possible = algorithms(key)
    const [usual] = possible
    const algorithm = jwk.alg === undefined ? usual : possible.find((each) => each === jwk.alg)
    return algorithm && { key, algorithm }
  } catch {
    return undefined
  }
}

/** The usual one first. */
function algorithms({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): readonly Algorithm[] {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType === 'ed25519') return ['EdDSA']
  if (asymmetricKeyType === 'rsa' && modulusLength >= SHORTEST_RSA) {
    return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
  }
  const curves: Record<string, Algorithm> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
  const curve = asymmetricKeyType === 'ec' ? curves[namedCurve] : undefined
  return curve ? [curve] : []
}
