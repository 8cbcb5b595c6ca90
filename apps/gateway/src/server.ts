/** The gateway's server before it has routes: it knows who is asking, and checks requests so that refusals name the field. */
import { auth, type KeySource } from '@spillway/auth'
import { type AppOptions, createApp, type ServiceContext, validatorCompiler } from '@spillway/service'

export async function createServer(context: ServiceContext, keys: KeySource, options: AppOptions) {
  const app = await createApp(context, options)
  app.setValidatorCompiler(validatorCompiler)
  await app.register(auth, { keys })
  return app
}
export type App = Awaited<ReturnType<typeof createServer>>
