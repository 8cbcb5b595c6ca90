/** How often routes may be asked: who is counted by which limit, what answers say of it, and what operators see. */
import { hash } from 'node:crypto'
import { type Budget, Limiter, type LimitOptions, type Quota, type Taken } from '@spillway/cache-client'
import { Counter, type Registry, readings } from '@spillway/metrics'
import { Problem } from '@spillway/service'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { addressBlock } from './address.ts'
import { gatewayProblems } from './errors.ts'
import type { RouteLimit } from './routes-file/limit.ts'
import type { Route } from './routes-file/read.ts'

interface Counted {
  readonly quota: Quota
  readonly route: string
  readonly by: string
}

/** One limit of a route, ready to be asked. */
interface Check {
  readonly limit: RouteLimit
  readonly quota: Quota
  readonly subjectOf: (request: FastifyRequest) => string
  /** As its policy is called in fields. */
  readonly name: string
}

/** One for a process: what was counted survives a reload. */
export class Limits {
  readonly #limiter: Limiter
  readonly #quotas = new Map<string, Counted>()

  constructor(budget: Budget, registry: Registry) {
    this.#limiter = new Limiter({ budget })
    measure(registry, this.#limiter, this.#quotas)
  }

  /** @param route what has the limit, for metrics; with `by` and the numbers it is the budget's name everywhere */
  quota(route: string, by: string, options: LimitOptions): Quota {
    const name = `${route} by ${by}`
    const key = JSON.stringify([name, options])
    const known = this.#quotas.get(key)
    if (known) return known.quota
    const quota = this.#limiter.quota(name, options)
    this.#quotas.set(key, { quota, route, by })
    return quota
  }

  /** An `onRequest` hook, for after authentication. It throws (in its way) `limit_exceeded`. */
  of({ methods, path, limits }: Pick<Route, 'methods' | 'path' | 'limits'>): onRequestHookHandler {
    const route = `${methods.toSorted().join()} ${path}`
    const checks = limits.map((limit, index): Check => {
      const { by, ...options } = limit
      const same = limits.slice(0, index).filter((other) => other.by === by).length
      const name = JSON.stringify(same === 0 ? by : `${by}-${same + 1}`)
      return { limit, name, quota: this.quota(route, by, options), subjectOf: subjectBy(by) }
    })
    const policies = checks.map(policyOf).join(', ')
    return (request, _reply, done) => {
      const taken = takeAll(checks, request)
      const answer = ({ told, refused }: Passed) => {
        request.answerFields = { 'ratelimit-policy': policies, ratelimit: told }
        done(refused)
      }
      if (taken instanceof Promise) void taken.then(answer)
      else answer(taken)
    }
  }
}

/** What the limits have said so far, and the refusal of the last, where it refused. */
interface Passed {
  readonly told: string
  readonly refused?: Problem
}

/** Asks one limit after the other, until one refuses. */
function takeAll(checks: readonly Check[], request: FastifyRequest, first = 0, before = ''): Passed | Promise<Passed> {
  let told = before
  for (let index = first; index < checks.length; index++) {
    const check = checks[index] as Check
    const taken = check.quota.take(check.subjectOf(request))
    if (taken instanceof Promise)
      return taken.then((late) => {
        const said = saying(told, check, late)
        return late.allowed ? takeAll(checks, request, index + 1, said) : { told: said, refused: exceeded(check, late) }
      })
    told = saying(told, check, taken)
    if (!taken.allowed) return { told, refused: exceeded(check, taken) }
  }
  return { told }
}

/** Who is counted. A field's value may be a secret. */
function subjectBy(by: RouteLimit['by']): Check['subjectOf'] {
  if (by === 'route') return () => ''
  if (by === 'address') return ({ ip }) => addressBlock(ip)
  if (by === 'user') return ({ identity }) => identity?.subject ?? ''
  const field = by.slice('header:'.length)
  return ({ headers }) => {
    const value = headers[field]
    return value === undefined ? '' : hash('sha256', String(value), 'base64url')
  }
}

/** `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10, 3). */
function policyOf({ name, limit: { requests, perMs } }: Check): string {
  return `${name};q=${requests};w=${perMs / 1000}`
}

/** `RateLimit` (the same, 4): how many may come at once now, and in how many seconds all may again. */
function saying(before: string, { name }: Check, { left, resetMs }: Taken): string {
  return `${before}${before === '' ? '' : ', '}${name};r=${left};t=${Math.ceil(resetMs / 1000)}`
}

function exceeded({ limit: { requests, perMs, by } }: Check, { waitMs }: Taken): Problem {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000))
  return new Problem(gatewayProblems.limit_exceeded, {
    detail: `the limit by ${by} is ${requests} in ${perMs / 1000} s; try again in ${seconds} s`,
    headers: { 'retry-after': String(seconds) },
  })
}

function measure(registry: Registry, limiter: Limiter, quotas: ReadonlyMap<string, Counted>): void {
  const { counter, gauge } = readings(registry)
  new Counter({
    name: 'spillway_gateway_limit_requests_total',
    help: 'Requests by what a limit said to them: allowed, limited.',
    labelNames: ['route', 'by', 'outcome'] as const,
    registers: [registry],
    collect() {
      this.reset()
      for (const { quota, route, by } of quotas.values()) {
        for (const outcome of ['allowed', 'limited'] as const) this.inc({ route, by, outcome }, quota.counters[outcome])
      }
    },
  })
  counter(
    'spillway_gateway_limit_borrowed_total',
    'Requests that the budget shared by all gateways has lent for.',
    () => limiter.counters.borrowed,
  )
  counter(
    'spillway_gateway_limit_given_back_total',
    'Of those borrowed, how many were given back.',
    () => limiter.counters.givenBack,
  )
  counter(
    'spillway_gateway_limit_alone_total',
    'Requests decided by this gateway’s share of their limit, since the shared budget did not answer.',
    () => limiter.counters.alone,
  )
  counter(
    'spillway_gateway_limit_budget_lost_total',
    'Times that the shared budget stopped answering.',
    () => limiter.counters.lost,
  )
  gauge('spillway_gateway_limit_keys', 'Who is limited and remembered now.', () => limiter.counters.keys)
}
