/** A server of the gateway before it has routes: it checks requests so that refusals name the field. */
import { type AppOptions, createApp, type Front, type ServiceContext, validatorCompiler } from '@spillway/service'

/** It answers behind the front. */
export async function createServer(
  context: ServiceContext,
  { traffic }: Front,
  options: Pick<AppOptions, 'checks' | 'trustedProxies'>,
) {
  const app = await createApp(context, { ...options, traffic })
  app.setValidatorCompiler(validatorCompiler)
  return app
}
export type App = Awaited<ReturnType<typeof createServer>>
