/** What a route does with a request: sends it to a cluster, or answers it itself. */
import type { Cluster } from '@spillway/clusters'
import { answering, createForward, type Forward, redirecting } from '@spillway/forward'
import { Problem, problems } from '@spillway/service'
import { admission } from './admission.ts'
import type { RouteSource } from './file/schema.ts'

/** Answers one request. */
export type Route = (...asked: Parameters<Forward>) => unknown

export const balancerProblems = problems({
  ambiguous_path: [400, 'The path can be read as more than one route’s'],
  address_not_allowed: [403, 'This is not for your address'],
})

interface Surroundings {
  readonly clusters: ReadonlyMap<string, Cluster>
  /** This balancer's, in the fields that a hop writes. */
  readonly name: string
  /** At least 0 and below 1. */
  readonly random?: () => number
}

/** @param source names clusters that are there */
export function createRoute(source: RouteSource, surroundings: Surroundings): Route {
  const task = createTask(source, surroundings)
  const admitted = admission(source)
  if (!admitted) return task
  return (request, reply) => {
    if (!admitted(request.ip)) throw new Problem(balancerProblems.address_not_allowed)
    return task(request, reply)
  }
}

function createTask(source: RouteSource, surroundings: Surroundings): Route {
  const { redirect } = source
  if (redirect) return redirecting(redirect.status ?? 307, location(redirect.to, source.path))
  if (source.answer) return answering(source.answer)
  return sending(source, surroundings)
}

function sending(
  { to = {}, headers = {} }: RouteSource,
  { clusters, name, random = Math.random }: Surroundings,
): Route {
  const weights = Object.entries(typeof to === 'string' ? { [to]: 1 } : to).filter(([, weight]) => weight > 0)
  const targets = weights.map(([each, weight]) => {
    const { dispatcher, key } = clusters.get(each) as Cluster
    const hop = { name, host: 'preserve', identity: 'forward', namesItself: false } as const
    const forward = createForward({ dispatcher, origin: `http://${each}`, headers, ...hop })
    const send: Route = (request, reply) => {
      const hashKey = key(request)
      return forward(request, reply, hashKey === undefined ? {} : { hashKey })
    }
    return { weight, send }
  })
  const last = targets.pop() as (typeof targets)[number]
  if (targets.length === 0) return last.send
  const total = targets.reduce((sum, { weight }) => sum + weight, last.weight)
  return (...asked) => {
    let left = random() * total
    for (const { weight, send } of targets) {
      left -= weight
      if (left < 0) return send(...asked)
    }
    return last.send(...asked)
  }
}

/** Where a path leads: with a star at the end of `to`, what is below the route's own path takes its place. */
function location(to: string, path = ''): (asked: string) => string {
  if (!to.endsWith('*')) return () => to
  const prefix = path.replace(/\/$/, '').length
  // Slashes at its beginning could make a host of it.
  return (asked) => to.slice(0, -1) + asked.slice(prefix).replace(/^[/\\]+/, '')
}
