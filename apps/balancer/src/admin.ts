/** The operators' port: health, readiness, metrics, and what is known of each upstream. */
import type { CheckResult } from '@spillway/health'
import { createApp, type ServiceContext } from '@spillway/service'
import type { Gateways } from './gateways.ts'
import { upstreamsRoute } from './routes/upstreams.ts'

export async function buildAdmin(context: ServiceContext, { upstreams }: Gateways) {
  const app = await createApp(context, {
    measured: false,
    checks: { gateways: (): CheckResult => usability(upstreams.endpoints()) },
  })
  upstreamsRoute(app, upstreams)
  return app
}

/** A balancer without a usable gateway can answer yet, if only 503: it is degraded, not unready. */
function usability(endpoints: ReturnType<Gateways['upstreams']['endpoints']>): CheckResult {
  const out = endpoints.filter(({ available }) => !available)
  if (endpoints.length === 0) return { status: 'degraded', detail: 'no gateway is found' }
  if (out.length === 0) return { status: 'ok' }
  const each = out.map(({ origin, condition, intent }) => `${origin} ${intent === 'draining' ? intent : condition}`)
  return {
    status: 'degraded',
    detail: `${endpoints.length - out.length} of ${endpoints.length} usable; ${each.join(', ')}`,
  }
}
