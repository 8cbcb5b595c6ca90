/** One reading of the routes file, served: the built-in routes, and those that it declares. */
import { auth, type KeySource, type RevocationFeed } from '@spillway/auth'
import type { CacheClient, SharedCache } from '@spillway/cache-client'
import type { Front, Reloaded, ServiceContext } from '@spillway/service'
import { type Clusters, clusterChecks, clusterNamed } from './clusters.ts'
import type { Config } from './config.ts'
import type { Faults } from './faults.ts'
import type { Limits } from './limits.ts'
import { cacheCheck } from './measure-cache.ts'
import type { Places } from './places.ts'
import { type Revoking, revocationsCheck } from './revoking.ts'
import { cached } from './routes/cached.ts'
import { declaredRoutes } from './routes/declared.ts'
import { docs } from './routes/docs.ts'
import { faultsRoutes } from './routes/faults.ts'
import { jwks } from './routes/jwks.ts'
import { login } from './routes/login.ts'
import { logout } from './routes/logout.ts'
import { purge } from './routes/purge.ts'
import { reloadRoute } from './routes/reload.ts'
import type { RoutesTable } from './routes-file/read.ts'
import { SIGN_IN_UPSTREAM } from './routes-file/rules.ts'
import { secure } from './security.ts'
import { type App, createServer } from './server.ts'
import type { Shedding } from './shedding.ts'
import type { SignIns } from './sign-ins.ts'

/** What lives as long as the process: whatever counts, remembers, or is registered once. */
export interface Lasting {
  readonly config: Config
  readonly context: ServiceContext
  readonly front: Front
  readonly keys: KeySource
  readonly client: CacheClient
  /** The same, counted. */
  readonly cache: SharedCache
  readonly faults: Faults
  readonly signIns: SignIns | undefined
  readonly revocations: RevocationFeed
  readonly revoking: Revoking
  readonly limits: Limits
  /** Without, there is no limit. */
  readonly places: Places | undefined
  readonly shedding: Shedding
}

interface Said {
  readonly routes: RoutesTable['routes']
  readonly clusters: Clusters
  readonly reload: () => Promise<Reloaded>
}

/** @returns an app that listens to nothing, ready to answer */
export async function createGeneration(said: Said, lasting: Lasting): Promise<App> {
  const { config, context, front, keys, client, cache, signIns, revocations, revoking, ...lived } = lasting
  const { routes, clusters, reload } = said
  const app = await createServer(context, front, {
    trustedProxies: config.TRUSTED_PROXIES,
    checks: { ...clusterChecks(clusters), cache: cacheCheck(client), revocations: revocationsCheck(revocations) },
  })
  secure(app, config)
  await docs(app)
  // Behind the pages of the docs, which are for all: each route from here on says who may call it.
  await app.register(auth, { sharedWith: front.app })
  // An outside issuer shows its keys itself.
  if (keys.current.signing) jwks(app, keys)
  if (signIns) login(app, { accounts: clusterNamed(clusters, SIGN_IN_UPSTREAM), signIns })
  logout(app, { revoking, ours: keys.current.signing !== undefined })
  purge(app, { cache, routes })
  if (client.inspection) cached(app, { inspection: client.inspection, routes })
  reloadRoute(app, reload)
  faultsRoutes(app, { faults: lived.faults, routes })
  await declaredRoutes(app, { routes, clusters, cache, name: context.instance, ...lived })
  await app.ready()
  return app
}
