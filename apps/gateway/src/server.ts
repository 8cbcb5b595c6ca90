/** The gateway's server before it has routes: it knows who is asking, and checks requests so that refusals name the field. */
import { auth, type Keys } from '@spillway/auth'
import { type AppOptions, createApp, type ServiceContext } from '@spillway/service'
import { validatorCompiler } from './validation.ts'

export async function createServer(context: ServiceContext, keys: Keys, options: AppOptions) {
  const app = await createApp(context, options)
  app.setValidatorCompiler(validatorCompiler)
  await app.register(auth, { keys })
  return app
}
export type App = Awaited<ReturnType<typeof createServer>>
