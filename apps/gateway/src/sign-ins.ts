/** Who may try to sign in now, whatever the routes file says: what one gateway counts of addresses, accounts and failures. */
import { hash } from 'node:crypto'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import { accountKey } from '@spillway/auth'
import { Counter, type Registry } from '@spillway/metrics'
import { Problem } from '@spillway/service'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from './config.ts'
import { gatewayProblems } from './errors.ts'
import { SignInAttempts, type Verdict } from './sign-in-attempts.ts'

const WINDOW_MS = 60_000
/** Addresses and accounts remembered, each about 200 bytes; the longest unseen are forgotten first. */
const REMEMBERED = 10_000

const VERDICTS = { ok: 'right', wrong: 'wrong', left: 'none', failed: 'none' } as const satisfies Record<
  string,
  Verdict
>
type Outcome = keyof typeof VERDICTS

export interface SignIns {
  /** A hook that refuses an address from which too many came, before anything is read. */
  limitAddress: (request: FastifyRequest) => Promise<void>
  /**
   * Resolves to what must be called once, with what came of it.
   * @throws {Problem} `login_limited` where it may not be tried now
   */
  begin: (request: FastifyRequest, username: string) => Promise<(outcome: Outcome) => void>
}

export interface SignInsOptions {
  registry: Registry
  config: Pick<Config, 'LOGINS_PER_ADDRESS' | 'LOGINS_PER_ACCOUNT'>
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
}

/** @param app one that lives as long as they are to be remembered */
export async function signIns(app: FastifyInstance, { registry, config, clock }: SignInsOptions): Promise<SignIns> {
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
    keyGenerator: (request) => accountKey((request.body as { username: string }).username),
  })
  const attempts = new SignInAttempts(clock)

  const refuse = (what: string, seconds: number) => {
    outcomes.labels('limited').inc()
    return new Problem(gatewayProblems.login_limited, {
      detail: `${what}; try again in ${seconds} s`,
      headers: { 'retry-after': String(seconds) },
    })
  }
  const limit = async (limiter: typeof byAddress, request: FastifyRequest, what: string) => {
    const result = await limiter(request)
    if (result.isAllowed || !result.isExceeded) return
    throw refuse(`the limit is ${result.max} a minute for ${what}`, result.ttlInSeconds)
  }

  return {
    limitAddress: (request) => limit(byAddress, request, 'an address'),
    async begin(request, username) {
      const who = whoTries(request.ip, username)
      const attempt = attempts.begin(who)
      if ('waitMs' in attempt) {
        throw refuse('too many attempts at this account from your address failed', Math.ceil(attempt.waitMs / 1000))
      }
      try {
        // Else whoever guesses from many addresses would keep the account's owner out.
        if (!attempts.hasSucceeded(who)) await limit(byAccount, request, 'an account')
      } catch (error) {
        attempt.end('none')
        throw error
      }
      return (outcome) => {
        outcomes.labels(outcome).inc()
        attempt.end(VERDICTS[outcome])
      }
    },
  }
}

/** An account and from where, IPv6 by its /64: a digest, as whoever chooses names must not choose how much is kept. */
function whoTries(address: string, username: string): string {
  return hash('sha256', `${normalizeIP(address)} ${accountKey(username)}`, 'base64')
}
