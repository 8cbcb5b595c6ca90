/** Where requests go: clusters, and the routes to them. */
import { isDeepStrictEqual } from 'node:util'
import { type ClusterPlans, clusterChanges } from '@spillway/clusters'
import type { RouteSource } from './schema.ts'

export interface Plan {
  readonly clusters: ClusterPlans
  readonly routes: readonly RouteSource[]
}

/** For the log and whoever asked for a reload: `cluster shop: endpoints, limits`, `cluster old: gone`, `routes`. */
export function changesBetween(before: Plan, after: Plan): string[] {
  const clusters = clusterChanges(before.clusters, after.clusters)
  return isDeepStrictEqual(before.routes, after.routes) ? clusters : [...clusters, 'routes']
}
