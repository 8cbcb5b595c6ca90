/** What `balancer.yaml` may not say although its shape is right: names that lead nowhere, routes that hide each other. */
import { CLUSTER_NAME, clusterMistakes, type Sound } from '@spillway/clusters'
import { reservedField } from '@spillway/forward'
import { type Mistake, mistake, type Path, taskMistakes } from '@spillway/service'
import { covers } from '../route-table.ts'
import type { BalancerFile } from './schema.ts'

type Source = Sound<BalancerFile>
type Route = NonNullable<NonNullable<Source['routes']>[number]>

/**
 * @param value the file's, without what has the wrong shape
 * @param denied the paths that are answered before any route
 */
export function ruleMistakes(value: unknown, denied: readonly string[], lineOf: (at: Path) => number): Mistake[] {
  const { clusters, routes = [] } = (value ?? {}) as Source
  const known = Object.keys(clusters ?? {}).filter((name) => new RegExp(CLUSTER_NAME).test(name))
  return [
    ...Object.entries(clusters ?? {}).flatMap(([name, cluster]) => clusterMistakes(cluster ?? {}, ['clusters', name])),
    ...routes.flatMap((route, index) => [
      ...taskMistakes(route ?? {}, ['routes', index], {
        sends: 'to',
        whole: isWhole(route ?? {}),
        reserved: reservedField,
      }),
      ...(clusters ? unknownClusters(route?.to, known, ['routes', index, 'to']) : []),
    ]),
    ...hidden(routes, denied, lineOf),
  ]
}

function unknownClusters(to: Route['to'], known: readonly string[], at: Path): Mistake[] {
  const message = `known clusters are ${known.join(', ') || 'none'}`
  if (typeof to === 'string') return known.includes(to) ? [] : [mistake(at, `is ${JSON.stringify(to)}; ${message}`)]
  if (to === undefined) return []
  const unknown = Object.keys(to).filter((name) => !known.includes(name))
  const weights = Object.values(to)
  return [
    ...unknown.map((name) => mistake([...at, name], `is no cluster; ${message}`, 'key')),
    ...(weights.every((weight) => weight === 0) ? [mistake(at, 'has no weight above 0: nobody would be sent to')] : []),
  ]
}

function hidden(
  routes: readonly (Route | undefined)[],
  denied: readonly string[],
  lineOf: (at: Path) => number,
): Mistake[] {
  return routes.flatMap((route, index) => {
    if (!route || !isWhole(route)) return []
    const at = ['routes', index]
    const path = denied.find((each) => covers({ path: each }, route))
    if (path !== undefined) return [mistake(at, `can never match: DENY_PATHS has ${path}`)]
    const earlier = routes.slice(0, index).findIndex((each) => each && isWhole(each) && covers(each, route))
    return earlier < 0
      ? []
      : [mistake(at, `can never match: the route of line ${lineOf(['routes', earlier])} takes all`)]
  })
}

/** Whether none of its keys was misspelt or had a value of the wrong shape: those are there without a value. */
function isWhole(route: Route): boolean {
  return !Object.values(route).includes(undefined)
}
