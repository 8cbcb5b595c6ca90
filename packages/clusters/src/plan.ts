/** What clusters are to be, and what is different where they are to be others. */
import { isDeepStrictEqual } from 'node:util'
import type { UpstreamsOptions } from '@spillway/upstreams'
import { normal } from './rules.ts'
import type { ClusterSource } from './schema.ts'

export interface ClusterPlan {
  /** What the file says, with what the files beside it hold: where it is the same, the cluster is. */
  readonly source: ClusterSource & { readonly ownPolicy?: string }
  readonly options: Omit<UpstreamsOptions, 'name'>
}

/** By name. */
export type ClusterPlans = Readonly<Record<string, ClusterPlan>>

type Listed = Exclude<ClusterSource['endpoints'][number], string>

/**
 * The endpoints of both, with the weights of `after`: what a cluster that stays itself has until those that come are known.
 * Undefined where it is another cluster, since more than its list changed, or one that stays has another `backup` or `max`.
 */
export function bothOf(before: ClusterPlan, after: ClusterPlan): readonly Listed[] | undefined {
  const { endpoints: was, ...rest } = before.source
  const { endpoints: is, ...others } = after.source
  if (!isDeepStrictEqual(rest, others)) return undefined
  const [old, now] = [listed(was), listed(is)]
  for (const [origin, { backup = false, max }] of now) {
    const known = old.get(origin)
    if (known && ((known.backup ?? false) !== backup || known.max !== max)) return undefined
  }
  return [...new Map([...old, ...now]).values()]
}

function listed(endpoints: ClusterSource['endpoints']): Map<string, Listed> {
  return new Map(
    endpoints.map((each) => {
      const spec = typeof each === 'string' ? { url: each } : each
      return [normal(spec.url) ?? spec.url, spec]
    }),
  )
}

/** For the log and whoever asked for a reload: `cluster shop: endpoints, limits`, `cluster old: gone`. */
export function clusterChanges(before: ClusterPlans, after: ClusterPlans): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].flatMap((name) => {
    const [was, is] = [before[name]?.source, after[name]?.source]
    if (was === undefined || is === undefined) return [`cluster ${name}: ${is === undefined ? 'gone' : 'new'}`]
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])] as (keyof typeof was)[]
    const changed = keys.filter((key) => !isDeepStrictEqual(was[key], is[key]))
    return changed.length > 0 ? [`cluster ${name}: ${changed.join(', ')}`] : []
  })
}
