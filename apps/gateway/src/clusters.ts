/** The upstreams that the routes file names: for each the plain dispatcher, and those that go through the cache or past it. */
import type { SharedCache } from '@spillway/cache-client'
import type { Check } from '@spillway/health'
import { bypassCache, httpCache } from '@spillway/http-cache'
import { measureClient, measureUpstreams } from '@spillway/metrics'
import type { ServiceContext } from '@spillway/service'
import { retry, Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import type { CacheOptions } from './routes-file/caching.ts'
import type { RoutesTable } from './routes-file/read.ts'

export interface Cluster {
  /** What keys, tags and `Exchange` call it before an endpoint is chosen. */
  origin: string
  upstreams: Upstreams
  /** Measured and retried. */
  direct: Dispatcher
  /** Reads through the cache, as one route wants it; purges after writes. */
  cached(options: CacheOptions): Dispatcher
  /** Past the cache, reads and writes alike. */
  uncached: Dispatcher
}
export type Clusters = ReadonlyMap<string, Cluster>

export function createClusters(
  table: RoutesTable['upstreams'],
  cache: SharedCache,
  { logger, registry }: ServiceContext,
): Clusters {
  const client = measureClient(registry)
  const measure = measureUpstreams(registry)
  const clusters = new Map<string, Cluster>()
  for (const [name, { endpoints, check }] of table) {
    const measured = measure(name, () => upstreams)
    const upstreams = new Upstreams({
      name,
      endpoints,
      check: check === 'none' ? false : { path: check },
      onTransition: (transition) => {
        logger.info({ upstream: name, ...transition }, 'upstream changed')
        measured.transition(transition)
      },
    })
    const direct = upstreams.compose(client, measured.countRetries, retry({ budget: upstreams.budget }))
    clusters.set(name, {
      origin: `http://${name}`,
      upstreams,
      direct,
      cached: (options) => direct.compose(httpCache({ cache, ...options })),
      uncached: direct.compose(bypassCache()),
    })
  }
  return clusters
}

export function clusterNamed(clusters: Clusters, name: string): Cluster {
  const cluster = clusters.get(name)
  if (!cluster) throw new Error(`the routes file lets through a route to ${name}, which it does not declare`)
  return cluster
}

/** For `/ready`: an upstream that nobody can reach does not keep this gateway from answering. */
export function clusterChecks(clusters: Clusters): Record<string, Check> {
  const check =
    ({ upstreams }: Cluster): Check =>
    () =>
      upstreams.available > 0 ? { status: 'ok' } : { status: 'degraded', detail: 'no usable endpoint' }
  return Object.fromEntries([...clusters].map(([name, cluster]) => [name, check(cluster)]))
}
