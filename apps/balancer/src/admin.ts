/** The operators' port: health, readiness, metrics, and what is known of each upstream. */
import type { CheckResult } from '@spillway/health'
import { createApp, type ServiceContext } from '@spillway/service'
import type { EndpointView } from '@spillway/upstreams'
import type { Clusters } from './clusters.ts'
import { upstreamsRoute } from './routes/upstreams.ts'

export async function buildAdmin(context: ServiceContext, clusters: Clusters) {
  const app = await createApp(context, {
    measured: false,
    checks: {
      gateways: (): CheckResult => usability(clusters.all().flatMap(({ upstreams }) => upstreams.endpoints())),
    },
  })
  upstreamsRoute(app, clusters)
  return app
}

/** A balancer without a usable gateway can answer yet, if only 503: it is degraded, not unready. */
function usability(endpoints: readonly EndpointView[]): CheckResult {
  const out = endpoints.filter(({ available }) => !available)
  if (endpoints.length === 0) return { status: 'degraded', detail: 'no gateway is found' }
  if (out.length === 0) return { status: 'ok' }
  const each = out.map(({ origin, condition, intent }) => `${origin} ${intent === 'draining' ? intent : condition}`)
  return {
    status: 'degraded',
    detail: `${endpoints.length - out.length} of ${endpoints.length} usable; ${each.join(', ')}`,
  }
}
