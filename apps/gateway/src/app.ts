/** Builds the gateway: what it calls first, then the built-in routes, then those of the routes file. */
import { readFile } from 'node:fs/promises'
import { openKeys } from '@spillway/auth'
import { openCache } from '@spillway/cache-client'
import type { ServiceContext } from '@spillway/service'
import { clusterChecks, clusterNamed, createClusters } from './clusters.ts'
import type { Config } from './config.ts'
import { Limits } from './limits.ts'
import { cacheCheck, measureCache } from './measure-cache.ts'
import { Places } from './places.ts'
import { cached } from './routes/cached.ts'
import { declaredRoutes } from './routes/declared.ts'
import { docs } from './routes/docs.ts'
import { jwks } from './routes/jwks.ts'
import { login } from './routes/login.ts'
import { purge } from './routes/purge.ts'
import { readRoutes } from './routes-file/read.ts'
import { SIGN_IN_UPSTREAM } from './routes-file/rules.ts'
import { type App, createServer } from './server.ts'

/**
 * @param environment what `${NAME}` in the routes file may name, beside the settings
 * @throws where the keys or the routes file cannot be used: without them there is nothing to serve
 */
export async function buildApp(
  config: Config,
  context: ServiceContext,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<App> {
  const { routes, upstreams } = readRoutes(await readFile(config.ROUTES_FILE, 'utf8'), {
    file: config.ROUTES_FILE,
    variables: {
      ...environment,
      DB_URL: config.DB_URL.join(','),
      MICROSERVICE_URL: config.MICROSERVICE_URL.join(','),
      WORKER_URL: config.WORKER_URL.join(','),
      REMOTE_ORIGIN: config.REMOTE_URL.origin,
      REMOTE_PATH: config.REMOTE_URL.path,
    },
  })

  const keys = await openKeys(config, {
    file: ['SIGNING_KEYS_FILE', config.SIGNING_KEYS_FILE],
    signs: true,
    logger: context.logger,
  })
  const client = await openCache({
    url: config.CACHE_URL,
    instance: context.instance,
    logger: context.logger,
    maxBytes: config.L1_MAX_BYTES,
  })
  const cache = measureCache(client, context.registry)
  const limits = new Limits(client.budget, context.registry)
  const clusters = createClusters(upstreams, cache, context)
  const app = await createServer(context, keys, {
    trustedProxies: config.TRUSTED_PROXIES,
    checks: { ...clusterChecks(clusters), cache: cacheCheck(client) },
  })
  app.addHook('onClose', async () => {
    await client.close()
    await Promise.all([...clusters.values()].map((cluster) => cluster.upstreams.close()))
  })
  await docs(app)
  // An outside issuer signs people in itself, and shows its keys.
  if (keys.current.signing) {
    jwks(app, keys)
    await login(app, { accounts: clusterNamed(clusters, SIGN_IN_UPSTREAM), registry: context.registry, config })
  }
  purge(app, { cache, routes })
  if (client.inspection) cached(app, { inspection: client.inspection, routes })
  const places = config.GATEWAY_CONCURRENCY > 0 ? new Places(config.GATEWAY_CONCURRENCY, context) : undefined
  await declaredRoutes(app, { routes, clusters, name: context.instance, limits, places })
  return app
}
