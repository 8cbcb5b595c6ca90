/** The database service: items and accounts over PostgreSQL, for gateways on the private network. */
import { type AuthOptions, auth, RevocationFeed } from '@spillway/auth'
import { Database } from '@spillway/postgres'
import { type Caching, createApp, type ServiceContext } from '@spillway/service'
import type { Config } from './config.ts'
import { Items } from './items.ts'
import { aside, readRevocations } from './revocations.ts'
import { itemRoutes } from './routes/items.ts'
import { revocationRoutes } from './routes/revocations.ts'
import { signInRoutes } from './routes/sign-in.ts'

/** Bytes: the most one write carries. */
const BODY_LIMIT = 262_144

export async function buildApp(
  config: Caching & Pick<Config, 'DATABASE_URL' | 'DB_LATENCY'>,
  context: ServiceContext,
  keys: AuthOptions['keys'],
) {
  const database = new Database(
    { url: config.DATABASE_URL, probe: 'SELECT FROM items LIMIT 0', latencyMs: config.DB_LATENCY },
    context,
  )
  const app = await createApp(context, { bodyLimit: BODY_LIMIT, checks: { database: database.check } })
  app.addHook('onReady', () => database.watch())
  app.addHook('onClose', () => database.close())
  const revocations = new RevocationFeed({
    read: (after) => readRevocations(aside(database), after),
    logger: context.logger,
  })
  await app.register(auth, { keys, revocations })
  await app.register(itemRoutes, { items: new Items(database, context.registry), caching: config })
  await app.register(signInRoutes, { database })
  await app.register(revocationRoutes, { database, known: revocations.revocations, logger: context.logger })
  return app
}
