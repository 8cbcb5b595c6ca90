/** Fastify plugin: `GET /health` (liveness) and `GET /ready` (readiness, with named checks) for operators and balancers. */
import fp from 'fastify-plugin'
import { type Static, Type } from 'typebox'
import type { Lifecycle } from './lifecycle.ts'

export const CheckResult = Type.Object({
  /** `degraded`: something this service calls is away, yet it can answer. `failing`: it cannot answer. */
  status: Type.Union([Type.Literal('ok'), Type.Literal('degraded'), Type.Literal('failing')]),
  detail: Type.Optional(Type.String()),
})
export type CheckResult = Static<typeof CheckResult>

/** Looks at one thing; must answer at once (what is slow to learn is watched elsewhere and remembered). */
export type Check = () => CheckResult

const ReadyReport = Type.Object({
  status: Type.Union([
    Type.Literal('ready'),
    Type.Literal('starting'),
    Type.Literal('draining'),
    Type.Literal('failing'),
  ]),
  checks: Type.Record(Type.String(), CheckResult),
  degraded: Type.Array(Type.String()),
})
export type ReadyReport = Static<typeof ReadyReport>

export interface HealthOptions {
  lifecycle: Lifecycle
  /** By name. A failing one makes the service unready; a degraded one is only reported. Default: none. */
  checks?: Record<string, Check>
}

/** What `/ready` says now; 200 goes with `ready`, 503 with everything else. */
export function readiness({ lifecycle, checks = {} }: HealthOptions): ReadyReport {
  const results = Object.entries(checks).map(([name, check]) => [name, check()] as const)
  const failing = results.some(([, result]) => result.status === 'failing')
  return {
    status: lifecycle.state === 'ready' && failing ? 'failing' : lifecycle.state,
    checks: Object.fromEntries(results),
    degraded: results.filter(([, result]) => result.status === 'degraded').map(([name]) => name),
  }
}

export const health = fp<HealthOptions>(
  async (app, options) => {
    app.get('/health', { schema: { hide: true } as object }, async () => ({
      status: 'ok',
      uptime: Math.round(process.uptime()),
    }))
    app.get(
      '/ready',
      { schema: { hide: true, response: { 200: ReadyReport, 503: ReadyReport } } as object },
      async (_request, reply) => {
        const report = readiness(options)
        return reply
          .code(report.status === 'ready' ? 200 : 503)
          .header('cache-control', 'no-store')
          .send(report)
      },
    )
  },
  { name: '@spillway/health', fastify: '5.x' },
)
