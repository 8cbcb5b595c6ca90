/** The front door: takes any method and any body, and lets the route that takes a request answer it. */
import { target } from '@spillway/forward'
import { commonProblems, createApp, Problem, type ServiceContext, Turns, watchLoop } from '@spillway/service'
import type { Config } from './config.ts'
import { balancerProblems } from './route.ts'
import { AMBIGUOUS } from './route-table.ts'
import type { Standing } from './standing.ts'

/** Closing it closes the clusters too. */
export async function buildApp(
  config: Pick<Config, 'TRUSTED_PROXIES' | 'TLS_CERT' | 'TLS_KEY'>,
  context: ServiceContext,
  standing: Standing,
) {
  const app = await createApp(context, {
    operators: false,
    trustedProxies: config.TRUSTED_PROXIES,
    tls: tlsOf(config),
    forwards: true,
  })
  const turns = new Turns()
  const unwatch = watchLoop((lateMs) => turns.observe(lateMs))
  app.addHook('onClose', async () => {
    unwatch()
    await standing.clusters.close()
  })

  app.addHook('onRequest', (request, _reply, done) => turns.enter(request, done))
  app.all('*', (request, reply) => {
    const { authority, path = '/' } = target(request.raw) ?? {}
    const route = standing.routes.find(authority, path)
    if (route === AMBIGUOUS) throw new Problem(balancerProblems.ambiguous_path)
    if (!route) throw new Problem(commonProblems.route_not_found, { detail: `nothing answers ${path}` })
    return route(request, reply)
  })
  return app
}

function tlsOf({ TLS_CERT: cert, TLS_KEY: key }: Pick<Config, 'TLS_CERT' | 'TLS_KEY'>) {
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (cert === key) return undefined
  throw new Error(cert === undefined ? 'TLS_KEY is set without TLS_CERT' : 'TLS_CERT is set without TLS_KEY')
}
