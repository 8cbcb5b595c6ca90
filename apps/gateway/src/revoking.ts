/** Takes tokens back: the db service writes it down, then every gateway is told, then it is done. */
import { setTimeout as delay } from 'node:timers/promises'
import { AuthError, REVOKED_WITHIN_MS, Revocation, RevocationFeed } from '@spillway/auth'
import type { CacheClient } from '@spillway/cache-client'
import type { Cluster } from '@spillway/clusters'
import type { Check } from '@spillway/health'
import { Problem, type ServiceContext } from '@spillway/service'
import { createExchange, type ExchangeOptions } from '@spillway/upstreams'
import type { FastifyRequest } from 'fastify'
import { Value } from 'typebox/value'
import type { Dispatcher } from 'undici'
import { gatewayProblems } from './errors.ts'

export type Wanted = { readonly tokenId: string } | { readonly subject: string }

const ANSWER_MS = 5_000
const SETTLED_POLL_MS = 20

type Asked = Dispatcher.RequestOptions & Pick<ExchangeOptions, 'exchange'>

/** @param accounts the db service, as it is called then */
export function revocationFeed(accounts: () => Cluster, logger: ServiceContext['logger']): RevocationFeed {
  return new RevocationFeed({
    logger,
    async read(after, signal) {
      const { name, dispatcher, upstreams } = accounts()
      // At the start: until then a good endpoint is refused, too.
      while (!upstreams.settled) await delay(SETTLED_POLL_MS, undefined, { signal })
      const exchange = createExchange({ deadlineAt: performance.now() + ANSWER_MS })
      const asked: Asked = {
        origin: `http://${name}`,
        path: `/revocations?after=${after}`,
        method: 'GET',
        signal,
        exchange,
      }
      const { statusCode, body } = await dispatcher.request(asked)
      if (statusCode === 200) return body.json()
      await body.dump()
      // An accounts service of somebody's own need not know of revocations.
      if (statusCode === 404) return { revocations: [], next: after, more: false }
      throw new Error(`the accounts service answered ${statusCode}`)
    },
  })
}

/** A gateway that knows only what was revoked until some time ago still answers. */
export function revocationsCheck(feed: RevocationFeed): Check {
  return () =>
    feed.why === undefined ? { status: 'ok' } : { status: 'degraded', detail: 'not heard of; the log says why' }
}

export class Revoking {
  readonly #accounts: () => Cluster
  readonly #feed: RevocationFeed
  readonly #cache: Pick<CacheClient, 'tell'>

  constructor(options: { accounts: () => Cluster; feed: RevocationFeed; cache: Pick<CacheClient, 'tell'> }) {
    this.#accounts = options.accounts
    this.#feed = options.feed
    this.#cache = options.cache
  }

  /**
   * For who sends `request`, which the db service looks at once more. Resolves when no gateway takes what is revoked: those
   * with a cache session have confirmed that they were told, all others have had the time to read it.
   * @throws {Problem} where it is not written down; {@link AuthError} where the db service does not take the token
   */
  async revoke(wanted: Wanted, request: FastifyRequest): Promise<void> {
    const revocation = await this.#write(wanted, request)
    const readBy = performance.now() + REVOKED_WITHIN_MS
    this.#feed.revocations.add(revocation)
    const told = await this.#cache.tell?.(JSON.stringify(revocation)).then(
      () => true,
      () => false,
    )
    if (!told) await delay(readBy - performance.now())
  }

  /** Goes on though the client leaves: it may have been his last word. */
  async #write(wanted: Wanted, { headers, id, trace }: FastifyRequest): Promise<Revocation> {
    const { name, dispatcher } = this.#accounts()
    const asked: Asked = {
      origin: `http://${name}`,
      path: '/revocations',
      method: 'POST',
      headers: {
        authorization: headers.authorization,
        'content-type': 'application/json',
        'x-request-id': id,
        'x-timeout-ms': String(ANSWER_MS),
        traceparent: trace.traceparent,
      },
      body: JSON.stringify(wanted),
      headersTimeout: ANSWER_MS,
      exchange: createExchange({ deadlineAt: performance.now() + ANSWER_MS }),
    }
    const { statusCode, body } = await dispatcher.request(asked)
    const answer: unknown = await body.json().catch(() => undefined)
    if (statusCode === 201 && Value.Check(Revocation, answer)) return answer
    // Somebody else was faster.
    if (statusCode === 401) throw new AuthError('revoked', 'the token was revoked; sign in again')
    throw new Problem(gatewayProblems.revocation_failed, {
      headers: { 'retry-after': '2' },
      cause: new Error(`the accounts service answered ${statusCode}`),
    })
  }
}
