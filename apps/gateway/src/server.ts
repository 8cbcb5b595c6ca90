/** The gateway's server before it has routes: it knows who is asking, and checks requests so that refusals name the field. */
import { auth, type KeySource, type RevocationFeed } from '@spillway/auth'
import { type AppOptions, createApp, type ServiceContext, validatorCompiler } from '@spillway/service'

export async function createServer(
  context: ServiceContext,
  { keys, revocations }: { keys: KeySource; revocations: RevocationFeed },
  options: AppOptions,
) {
  const app = await createApp(context, options)
  app.setValidatorCompiler(validatorCompiler)
  await app.register(auth, { keys, revocations })
  return app
}
export type App = Awaited<ReturnType<typeof createServer>>
