/** How routes send to the upstreams that the routes file names: through the cache or past it, and once or again. */
import type { SharedCache } from '@spillway/cache-client'
import type { Cluster } from '@spillway/clusters'
import type { Check } from '@spillway/health'
import { bypassCache, httpCache } from '@spillway/http-cache'
import type { Dispatcher } from 'undici'
import type { Route } from './routes-file/read.ts'

export type Clusters = ReadonlyMap<string, Cluster>

/** Reads go through the cache as the route wants it, and writes are followed by a purge; or both go past it. */
export function dispatcherOf(route: Route, cluster: Cluster, cache: SharedCache): Dispatcher {
  const { cacheScope, cacheOptions, retries } = route
  const sent = retries === 'none' ? cluster.once : cluster.dispatcher
  return sent.compose(cacheScope === 'none' ? bypassCache() : httpCache({ cache, ...cacheOptions }))
}

/** What keys, tags and `Exchange` call a cluster before an endpoint is chosen. */
export function originOf({ name }: Cluster): string {
  return `http://${name}`
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
