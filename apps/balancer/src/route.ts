/** What a route does with a request: sends it to a cluster, or answers it itself. */
import type { Cluster } from '@spillway/clusters'
import { createForward, type Forward, hasBody, target } from '@spillway/forward'
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
  if (source.redirect) return redirecting(source.redirect, source.path)
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

function redirecting({ to, status = 307 }: NonNullable<RouteSource['redirect']>, path = ''): Route {
  const prefix = path.replace(/\/$/, '').length
  return (request, reply) => {
    const asked = target(request.raw)?.path ?? ''
    // Slashes at its beginning could make a host of it.
    const rest = () => asked.slice(prefix).replace(/^[/\\]+/, '')
    const location = to.endsWith('*') ? to.slice(0, -1) + rest() : to
    return end(request, reply.code(status).header('location', location))
  }
}

function answering({ status = 200, body, headers = {} }: NonNullable<RouteSource['answer']>): Route {
  // As bytes, since Fastify adds a charset to what it takes for a text.
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const fields = { ...(bytes && { 'content-type': 'text/plain; charset=utf-8' }), ...lowerCased(headers) }
  return (request, reply) => end(request, reply.code(status).headers(fields), bytes)
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** Nobody reads a body that came with the request: its connection is of no more use. */
function end({ raw }: Parameters<Forward>[0], reply: Parameters<Forward>[1], body?: Buffer): unknown {
  if (hasBody(raw)) reply.header('connection', 'close')
  return reply.send(body)
}
