/** `POST /login`: the db service checks the password, the gateway signs the token. */
import rateLimit from '@fastify/rate-limit'
import { accountKey, TOKEN_LIFETIME_S } from '@spillway/auth'
import type { Cluster } from '@spillway/clusters'
import { Counter, type Registry } from '@spillway/metrics'
import { Problem } from '@spillway/service'
import { createExchange, type ExchangeOptions } from '@spillway/upstreams'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Dispatcher } from 'undici'
import { originOf } from '../clusters.ts'
import type { Config } from '../config.ts'
import { gatewayProblems } from '../errors.ts'
import type { App } from '../server.ts'
import { problemResponses } from './docs.ts'

const WINDOW_MS = 60_000
/** Addresses and accounts remembered, each about 200 bytes; the longest unseen are forgotten first. */
const REMEMBERED = 10_000
/** The longest a password check may take, queueing at the db service included. */
const SIGN_IN_WITHIN_MS = 10_000

const Credentials = Type.Object(
  {
    username: Type.String({ pattern: '^[^\\u0000]{1,64}$', description: '1 to 64 characters' }),
    password: Type.String({ minLength: 1, maxLength: 256 }),
  },
  { additionalProperties: false },
)
type Credentials = Static<typeof Credentials>

const Token = Type.Object(
  { token: Type.String(), tokenType: Type.Literal('Bearer'), expiresIn: Type.Integer({ description: 'Seconds' }) },
  { description: 'Signed in' },
)

/** What the db service says of right credentials. */
interface Account {
  username: string
  roles: string[]
}

/** What is counted and remembered of sign-ins, whatever the routes file says. */
export interface SignIns {
  outcomes: Counter<'outcome'>
  /** Hooks that refuse whoever has signed in too often. */
  limitAddress: (request: FastifyRequest) => Promise<void>
  limitAccount: (request: FastifyRequest) => Promise<void>
}

export interface SignInsOptions {
  registry: Registry
  config: Pick<Config, 'LOGINS_PER_ADDRESS' | 'LOGINS_PER_ACCOUNT'>
}

/** @param app one that lives as long as they are to be remembered */
export async function signIns(app: FastifyInstance, { registry, config }: SignInsOptions): Promise<SignIns> {
  const outcomes = new Counter({
    name: 'spillway_gateway_logins_total',
    help: 'Sign-ins by outcome: ok, wrong, limited, left (the client did), failed.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  })
  await app.register(rateLimit, { global: false, cache: REMEMBERED, timeWindow: WINDOW_MS })
  const byAddress = app.createRateLimit({ max: config.LOGINS_PER_ADDRESS })
  const byAccount = app.createRateLimit({
    max: config.LOGINS_PER_ACCOUNT,
    keyGenerator: (request) => accountKey((request.body as Credentials).username),
  })
  const limit = (limiter: typeof byAddress, what: string) => async (request: FastifyRequest) => {
    const result = await limiter(request)
    if (result.isAllowed || !result.isExceeded) return
    outcomes.labels('limited').inc()
    throw new Problem(gatewayProblems.login_limited, {
      detail: `the limit is ${result.max} a minute for ${what}; try again in ${result.ttlInSeconds} s`,
      headers: { 'retry-after': String(result.ttlInSeconds) },
    })
  }
  return { outcomes, limitAddress: limit(byAddress, 'an address'), limitAccount: limit(byAccount, 'an account') }
}

export interface LoginOptions {
  accounts: Cluster
  signIns: SignIns
}

export function login(app: App, { accounts, signIns }: LoginOptions): void {
  const { outcomes, limitAddress, limitAccount } = signIns
  app.post(
    '/login',
    {
      config: { auth: 'public' },
      bodyLimit: 8192,
      schema: {
        summary: 'Signs in with user name and password',
        tags: ['identity'],
        security: [],
        body: Credentials,
        response: { 200: Token, ...problemResponses(400, 401, 429, 502, 503, 504) },
      },
      onRequest: limitAddress,
      preHandler: limitAccount,
    },
    async (request, reply) => {
      // Not `request.signal`: once the body is read, it no longer notices that the client leaves.
      const left = new AbortController()
      reply.raw.once('close', () => left.abort())
      const account = await signIn(accounts, request, left.signal).catch((error: unknown) => {
        outcomes.labels(left.signal.aborted ? 'left' : 'failed').inc()
        throw left.signal.aborted ? new Problem(gatewayProblems.caller_left, { cause: error }) : error
      })
      outcomes.labels(account ? 'ok' : 'wrong').inc()
      if (!account) throw new Problem(gatewayProblems.credentials_wrong)
      const token = app.signToken({ sub: account.username, roles: account.roles })
      return reply.header('cache-control', 'no-store').send({ token, tokenType: 'Bearer', expiresIn: TOKEN_LIFETIME_S })
    },
  )
}

/** Undefined where the credentials are wrong. Asked past the cache: this POST changes nothing that is cached. */
async function signIn(
  accounts: Cluster,
  request: FastifyRequest<{ Body: Credentials }>,
  signal: AbortSignal,
): Promise<Account | undefined> {
  const options: Dispatcher.RequestOptions & Pick<ExchangeOptions, 'exchange'> = {
    origin: originOf(accounts),
    path: '/sign-in',
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-request-id': request.id,
      'x-timeout-ms': String(SIGN_IN_WITHIN_MS),
      traceparent: request.trace.traceparent,
    },
    body: JSON.stringify(request.body),
    headersTimeout: SIGN_IN_WITHIN_MS,
    signal,
    exchange: createExchange({ deadlineAt: performance.now() + SIGN_IN_WITHIN_MS }),
  }
  const answer = await accounts.dispatcher.request(options)
  if (answer.statusCode === 200) return (await answer.body.json()) as Account
  await answer.body.dump()
  if (answer.statusCode === 401) return undefined
  throw new Problem(gatewayProblems.sign_in_unavailable, {
    headers: { 'retry-after': '2' },
    cause: new Error(`the accounts service answered ${answer.statusCode}`),
  })
}
