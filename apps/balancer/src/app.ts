/** The front door: takes any method and any body, and streams them to a gateway. */
import { METHODS } from 'node:http'
import { createForward, target } from '@spillway/forward'
import { commonProblems, createApp, Problem, type ServiceContext } from '@spillway/service'
import type { Config } from './config.ts'
import { denies } from './denied-paths.ts'
import type { Gateways } from './gateways.ts'

/** Closing it closes the gateways' connections too. */
export async function buildApp(
  config: Pick<Config, 'DENY_PATHS' | 'TRUSTED_PROXIES' | 'TLS_CERT' | 'TLS_KEY'>,
  context: ServiceContext,
  { upstreams, dispatcher }: Gateways,
) {
  const app = await createApp(context, {
    operators: false,
    trustedProxies: config.TRUSTED_PROXIES,
    tls: tlsOf(config),
  })
  // Methods without a body, as Fastify sees it: bodies are streamed on, and Fastify is to read none of them.
  for (const method of METHODS) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.addHook('onClose', () => upstreams.close())

  const denied = denies(config.DENY_PATHS)
  const forward = createForward({
    dispatcher,
    origin: `http://${upstreams.name}`,
    name: context.instance,
    host: 'preserve',
    identity: 'forward',
    namesItself: false,
  })
  app.all('*', (request, reply) => {
    const path = target(request.raw)?.path ?? '/'
    if (denied(path)) throw new Problem(commonProblems.route_not_found, { detail: `nothing answers ${path}` })
    return forward(request, reply)
  })
  return app
}

function tlsOf({ TLS_CERT: cert, TLS_KEY: key }: Pick<Config, 'TLS_CERT' | 'TLS_KEY'>) {
  if (cert !== undefined && key !== undefined) return { cert, key }
  if (cert === key) return undefined
  throw new Error(cert === undefined ? 'TLS_KEY is set without TLS_CERT' : 'TLS_CERT is set without TLS_KEY')
}
