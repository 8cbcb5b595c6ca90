/** Who may try to sign in now, whatever the routes file says: what is counted of addresses, accounts and failures. */
import { hash } from 'node:crypto'
import { accountKey } from '@spillway/auth'
import type { Quota } from '@spillway/cache-client'
import { Counter, type Registry } from '@spillway/metrics'
import { Problem } from '@spillway/service'
import type { FastifyRequest } from 'fastify'
import { addressBlock } from './address.ts'
import type { Config } from './config.ts'
import { gatewayProblems } from './errors.ts'
import type { Limits } from './limits.ts'
import { SignInAttempts, type Verdict } from './sign-in-attempts.ts'

const MINUTE_MS = 60_000

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
  /** Sign-ins are counted over all gateways, failures by each. */
  limits: Limits
  registry: Registry
  config: Pick<Config, 'LOGINS_PER_ADDRESS' | 'LOGINS_PER_ACCOUNT'>
  /** Monotonic milliseconds. Default: `performance.now`. */
  clock?: () => number
}

export function signIns({ limits, registry, config, clock }: SignInsOptions): SignIns {
  const outcomes = new Counter({
    name: 'spillway_gateway_logins_total',
    help: 'Sign-ins by outcome: ok, wrong, limited, left (the client did), failed.',
    labelNames: ['outcome'] as const,
    registers: [registry],
  })
  const byAddress = limits.quota('/login', 'address', { requests: config.LOGINS_PER_ADDRESS, perMs: MINUTE_MS })
  const byAccount = limits.quota('/login', 'account', { requests: config.LOGINS_PER_ACCOUNT, perMs: MINUTE_MS })
  const attempts = new SignInAttempts(clock)

  const refuse = (what: string, seconds: number) => {
    outcomes.labels('limited').inc()
    return new Problem(gatewayProblems.login_limited, {
      detail: `${what}; try again in ${seconds} s`,
      headers: { 'retry-after': String(seconds) },
    })
  }
  const limit = async (quota: Quota, subject: string, rule: string) => {
    const { allowed, waitMs } = await quota.take(subject)
    if (!allowed) throw refuse(`the limit is ${rule}`, Math.max(1, Math.ceil(waitMs / 1000)))
  }

  return {
    limitAddress: ({ ip }) =>
      limit(byAddress, addressBlock(ip), `${config.LOGINS_PER_ADDRESS} a minute for an address`),
    async begin(request, username) {
      const who = whoTries(request.ip, username)
      const attempt = attempts.begin(who)
      if ('waitMs' in attempt) {
        throw refuse('too many attempts at this account from your address failed', Math.ceil(attempt.waitMs / 1000))
      }
      try {
        // Else whoever guesses from many addresses would keep the account's owner out.
        if (!attempts.hasSucceeded(who)) {
          await limit(byAccount, digest(accountKey(username)), `${config.LOGINS_PER_ACCOUNT} a minute for an account`)
        }
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
  return digest(`${addressBlock(address)} ${accountKey(username)}`)
}

function digest(text: string): string {
  return hash('sha256', text, 'base64')
}
