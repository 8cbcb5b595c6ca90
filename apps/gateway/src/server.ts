/** A server of the gateway before it has routes: it knows who is asking, and checks requests so that refusals name the field. */
import { auth } from '@spillway/auth'
import { type AppOptions, createApp, type Front, type ServiceContext, validatorCompiler } from '@spillway/service'

/** It answers behind the front, which has the keys. */
export async function createServer(
  context: ServiceContext,
  { app: front, traffic }: Front,
  options: Pick<AppOptions, 'checks' | 'trustedProxies'>,
) {
  const app = await createApp(context, { ...options, traffic })
  app.setValidatorCompiler(validatorCompiler)
  await app.register(auth, { sharedWith: front })
  return app
}
export type App = Awaited<ReturnType<typeof createServer>>
