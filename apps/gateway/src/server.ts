/** The gateway's server before it has routes: it checks requests so that refusals name the field. */
import { type AppOptions, createApp, type ServiceContext, validatorCompiler } from '@spillway/service'

export async function createServer(context: ServiceContext, options: AppOptions) {
  const app = await createApp(context, options)
  app.setValidatorCompiler(validatorCompiler)
  return app
}
export type App = Awaited<ReturnType<typeof createServer>>
