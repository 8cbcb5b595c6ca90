/** The upstreams that the routes file names, as routes send to them: plainly, through the cache or past it. */
import type { SharedCache } from '@spillway/cache-client'
import type { Cluster as NamedCluster } from '@spillway/clusters'
import type { Check } from '@spillway/health'
import { bypassCache, httpCache } from '@spillway/http-cache'
import type { Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'
import type { CacheOptions } from './routes-file/caching.ts'

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

export function cachedClusters(clusters: ReadonlyMap<string, NamedCluster>, cache: SharedCache): Clusters {
  return new Map(
    [...clusters].map(([name, { upstreams, dispatcher: direct }]) => [
      name,
      {
        origin: `http://${name}`,
        upstreams,
        direct,
        cached: (options) => direct.compose(httpCache({ cache, ...options })),
        uncached: direct.compose(bypassCache()),
      },
    ]),
  )
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
