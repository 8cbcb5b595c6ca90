/** Builds the gateway: what lives as long as the process, and before it what the routes file says now. */
import { auth, openKeys } from '@spillway/auth'
import { openCache } from '@spillway/cache-client'
import { createFront, type Reloaded, type ServiceContext } from '@spillway/service'
import type { Config } from './config.ts'
import { Faults } from './faults.ts'
import { Generations } from './generations.ts'
import { Limits } from './limits.ts'
import { measureCache } from './measure-cache.ts'
import { Places } from './places.ts'
import { Revoking, revocationFeed } from './revoking.ts'
import { loadRoutes } from './routes-file/load.ts'
import type { App } from './server.ts'
import { Shedding } from './shedding.ts'
import { signIns } from './sign-ins.ts'

export interface Gateway {
  /** Listens, signs and verifies tokens, and closes all. */
  app: App
  /** Serves what the routes file says now, or as before where it has mistakes. Never rejects. */
  reload: () => Promise<Reloaded>
}

/**
 * @param environment what `${NAME}` in the routes file may name, beside the settings
 * @throws where the keys or the routes file cannot be used: without them there is nothing to serve
 */
export async function buildApp(
  config: Config,
  context: ServiceContext,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Gateway> {
  const read = () => loadRoutes(config, environment)
  const table = await read()

  const keys = await openKeys(config, {
    file: ['SIGNING_KEYS_FILE', config.SIGNING_KEYS_FILE],
    signs: true,
    logger: context.logger,
  })
  const accounts = () => generations.accounts
  const revocations = revocationFeed(accounts, context.logger)
  const client = await openCache({
    url: config.CACHE_URL,
    instance: context.instance,
    logger: context.logger,
    maxBytes: config.L1_MAX_BYTES,
    listener: { heard: (text) => revocations.heed(text), missed: () => revocations.look() },
  })
  const limits = new Limits(client.budget, context.registry)
  const front = await createFront(context)
  const { app } = front
  const shedding = new Shedding({
    limits: { lagMs: config.SHED_LAG, inFlight: config.SHED_IN_FLIGHT },
    context,
    inFlight: () => front.traffic.load.inFlight,
    server: app.server,
  })
  const generations = new Generations(read, table, {
    config,
    context,
    front,
    keys,
    client,
    cache: measureCache(client, context.registry),
    // An outside issuer signs people in itself.
    signIns: keys.current.signing && signIns({ limits, registry: context.registry, config }),
    faults: new Faults(context),
    revocations,
    revoking: new Revoking({ accounts, feed: revocations, cache: client }),
    limits,
    places: config.GATEWAY_CONCURRENCY > 0 ? new Places(config.GATEWAY_CONCURRENCY, context) : undefined,
    shedding,
  })
  app.addHook('onClose', async () => {
    shedding.close()
    await client.close()
    await generations.close()
  })
  // After the hook before: what closes last is what the list is read through.
  await app.register(auth, { keys, revocations })
  await generations.begin()
  return { app, reload: generations.reload }
}
