/** The front door: takes any method and any body, and streams them to a gateway. */
import { METHODS } from 'node:http'
import { createForward, intake, target } from '@spillway/forward'
import { commonProblems, createApp, Problem, type ServiceContext } from '@spillway/service'
import type { Config } from './config.ts'
import { denies } from './denied-paths.ts'
import type { Gateways } from './gateways.ts'

/** Closing it closes the gateways' connections too. */
export async function buildApp(
  { DENY_PATHS }: Pick<Config, 'DENY_PATHS'>,
  context: ServiceContext,
  { upstreams, dispatcher }: Gateways,
) {
  const app = await createApp(context, { operators: false })
  await app.register(intake)
  // Methods without a body, as Fastify sees it: bodies are streamed on, and Fastify is to read none of them.
  for (const method of METHODS) app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  app.addHook('onClose', () => upstreams.close())

  const denied = denies(DENY_PATHS)
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
