/** `POST /sign-in`: whether a name and a password belong together. For gateways only, which sign the token. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { accountKey } from '@spillway/auth'
import type { Database, Statement } from '@spillway/postgres'
import { callerOf, Gate, Problem } from '@spillway/service'
import { Type } from 'typebox'
import { errors } from '../errors.ts'
import { type Argon2, checkPassword } from '../password.ts'
import { ISSUED_AT } from '../revocations.ts'

/** PostgreSQL's text has no null character, so no account has one in its name. */
export const Username = Type.String({ pattern: '^[^\\u0000]{1,64}$' })
export const Password = Type.String({ minLength: 1, maxLength: 256 })
export const Roles = Type.Array(Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' }), { maxItems: 16 })

const ACCOUNT: Statement = {
  name: 'account',
  // One that is disabled is found no more than one that never was: what follows cannot tell them apart.
  text: `SELECT username, password, roles, ${ISSUED_AT} AS "issuedAt" FROM accounts WHERE key = $1 AND disabled_at IS NULL`,
}

interface Account {
  username: string
  password: string
  roles: string[]
  issuedAt: number
}

/** Two leave cores and threads to everybody else; 64 in line wait under a second. */
const LIMITS = { running: 2, waiting: 64 }

interface SignInRoutes {
  database: Database
  /** Default: the platform's. */
  argon2?: Argon2
}

export const signInRoutes: FastifyPluginAsyncTypebox<SignInRoutes> = async (app, { database, argon2 }) => {
  const gate = new Gate(LIMITS)

  app.post(
    '/sign-in',
    {
      config: { auth: 'public' },
      schema: {
        body: Type.Object({ username: Username, password: Password }, { additionalProperties: false }),
        response: { 200: Type.Object({ username: Username, roles: Roles, issuedAt: Type.Integer() }) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request, reply)
      const [account] = await database.query<Account>(ACCOUNT, [accountKey(request.body.username)], caller)
      const entry = await gate.enter(caller.signal)
      if (entry === 'left') throw new Problem(errors.caller_left)
      if (entry === 'full') throw new Problem(errors.sign_in_busy, { headers: { 'retry-after': '1' } })
      try {
        const right = await checkPassword(account?.password, request.body.password, argon2)
        if (!account || !right) throw new Problem(errors.credentials_wrong)
        const { username, roles, issuedAt } = account
        return reply.header('cache-control', 'no-store').send({ username, roles, issuedAt })
      } finally {
        gate.leave()
      }
    },
  )
}
