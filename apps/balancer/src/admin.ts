/** The operators' port: health, readiness, metrics, what is known of the upstreams, and what may be done about them. */
import type { CheckResult } from '@spillway/health'
import { createApp, parseJson, type ServiceContext, validatorCompiler } from '@spillway/service'
import type { EndpointView } from '@spillway/upstreams'
import type { Config } from './config.ts'
import { refusal } from './cross-site.ts'
import { openapi } from './openapi.ts'
import { eventsRoute } from './routes/events.ts'
import { policyRoutes } from './routes/policy.ts'
import { reloadRoute } from './routes/reload.ts'
import { upstreamsRoutes } from './routes/upstreams.ts'
import type { Standing } from './standing.ts'

export type App = Awaited<ReturnType<typeof createApp>>

export async function buildAdmin(config: Pick<Config, 'ADMIN_HOSTS'>, context: ServiceContext, standing: Standing) {
  const { clusters } = standing
  const app = await createApp(context, {
    measured: false,
    checks: {
      gateways: (): CheckResult => usability(clusters.all().flatMap(({ upstreams }) => upstreams.endpoints())),
    },
  })
  const names = config.ADMIN_HOSTS.map((name) => name.toLowerCase())
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('cache-control', 'no-store')
    done(refusal(request, names))
  })
  app.setValidatorCompiler(validatorCompiler)
  app.removeContentTypeParser('application/json')
  // Most of what is done here needs no body, but always its type: an empty one is as good as one that says nothing.
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, bytes.length === 0 ? {} : parseJson(bytes)),
  )
  await openapi(app)
  upstreamsRoutes(app, clusters)
  policyRoutes(app, clusters)
  reloadRoute(app, standing)
  eventsRoute(app, clusters)
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
