/** `POST /login`: the db service checks the password, the gateway signs the token. */
import { TOKEN_LIFETIME_S } from '@spillway/auth'
import type { Cluster } from '@spillway/clusters'
import { Problem } from '@spillway/service'
import { createExchange, type ExchangeOptions } from '@spillway/upstreams'
import type { FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import type { Dispatcher } from 'undici'
import { originOf } from '../clusters.ts'
import { gatewayProblems } from '../errors.ts'
import type { App } from '../server.ts'
import type { SignIns } from '../sign-ins.ts'
import { problemResponses } from './docs.ts'

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
  /** By the clock that revocations have; a service of somebody's own need not say it. */
  issuedAt?: number
}

export interface LoginOptions {
  accounts: Cluster
  signIns: SignIns
}

export function login(app: App, { accounts, signIns }: LoginOptions): void {
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
      onRequest: signIns.limitAddress,
    },
    async (request, reply) => {
      const end = await signIns.begin(request, request.body.username)
      // Not `request.signal`: once the body is read, it no longer notices that the client leaves.
      const left = new AbortController()
      reply.raw.once('close', () => left.abort())
      const account = await signIn(accounts, request, left.signal).catch((error: unknown) => {
        end(left.signal.aborted ? 'left' : 'failed')
        throw left.signal.aborted ? new Problem(gatewayProblems.caller_left, { cause: error }) : error
      })
      end(account ? 'ok' : 'wrong')
      if (!account) throw new Problem(gatewayProblems.credentials_wrong)
      const { username, roles, issuedAt } = account
      const token = app.signToken({ sub: username, roles, ...(issuedAt === undefined ? {} : { iat: issuedAt }) })
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
