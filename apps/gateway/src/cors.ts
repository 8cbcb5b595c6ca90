/**
 * Lets pages of the origins that a route names read its answers (Fetch, 3.2). Ours, and not @fastify/cors: that one puts
 * fields on replies of Fastify's alone, not on what is forwarded, and has one OPTIONS route for all.
 */
import { duration, Problem } from '@spillway/service'
import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import { Value } from 'typebox/value'
import { gatewayProblems } from './errors.ts'
import type { Cors } from './routes-file/cors.ts'
import { pathShape, routerPath } from './routes-file/path.ts'
import type { Route } from './routes-file/read.ts'

type Fields = Readonly<Record<string, string>>
type Shared = Route & { readonly cors: Cors }

const MaxAge = duration({ about: '' })
/** What upstreams say of it ends where a route is shared: it would contradict ours, or add to it. */
export const UNSHARED_FIELDS: readonly string[] = [
  ...['origin', 'credentials', 'methods', 'headers', 'private-network'].map((what) => `access-control-allow-${what}`),
  'access-control-expose-headers',
  'access-control-max-age',
]
/** A cache before us must not give one origin's answer to another, nor one without fields to any. */
const UNSHARED: Fields = { vary: 'Origin' }
const PREFLIGHT_VARY = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'

/** To be called in the route's own scope, before anything there may refuse. */
export function share(app: FastifyInstance, { cors, methods }: Shared): void {
  const readable: readonly string[] = cors.methods ?? methods
  const fieldsFor = ({ method, headers: { origin } }: FastifyRequest): Fields => {
    if (origin === undefined || !readable.includes(asGet(method)) || !takes(cors, origin)) return UNSHARED
    return { ...UNSHARED, ...grant(cors, origin), ...list('access-control-expose-headers', cors.exposed) }
  }
  const { answerHeaders } = app
  app.answerHeaders = (request) => ({ ...answerHeaders(request), ...fieldsFor(request) })
  app.addHook('onSend', (request, reply, _payload, done) => {
    const { vary, ...fields } = fieldsFor(request)
    const known = reply.getHeader('vary')
    reply.headers({ ...fields, vary: known === undefined ? vary : `${known}, ${vary}` })
    done()
  })
}

/**
 * Answers preflights at the paths of shared routes. They bring no token (Fetch, 3.2.2), so nobody is asked for one.
 * Returns the hook that does so where a route takes OPTIONS itself.
 */
export function preflights(
  app: FastifyInstance,
  routes: readonly Route[],
): (route: Route) => onRequestHookHandler | undefined {
  const shared = Map.groupBy(routes, ({ path }) => pathShape(path))
  for (const [shape, group] of shared) if (!group.some(isShared)) shared.delete(shape)
  for (const group of shared.values()) {
    const [{ path }] = group as [Route]
    const methods = [...new Set(group.flatMap((route) => route.methods))]
    if (methods.includes('OPTIONS')) continue
    const url = routerPath(path)
    const isMounted = path !== '/' && group.some(({ mount }) => mount !== undefined)
    for (const each of isMounted ? [url, `${url}/*`] : [url]) {
      const config = { auth: 'public' }
      app.options(each, { config, schema: { hide: true }, onRequest: answering(group) }, (_request, reply) =>
        reply
          .code(204)
          .headers({ allow: [...methods, 'OPTIONS'].join(', '), vary: PREFLIGHT_VARY })
          .send(),
      )
    }
  }
  return ({ path, methods }) => {
    const group = shared.get(pathShape(path))
    return group && methods.includes('OPTIONS') ? answering(group) : undefined
  }
}

/** @param group routes of one path */
function answering(group: readonly Route[]): onRequestHookHandler {
  const shared = group.filter(isShared).map((route) => ({ ...route, allowed: allowedBy(route) }))
  return (request, reply, done) => {
    const { origin, 'access-control-request-method': method } = request.headers
    if (request.method !== 'OPTIONS' || origin === undefined || method === undefined) {
      done()
      return
    }
    const route = shared.find(({ methods }) => (methods as string[]).includes(asGet(method)))
    if (route && takes(route.cors, origin)) {
      reply
        .code(204)
        .headers({ ...route.allowed, ...grant(route.cors, origin) })
        .send()
      return
    }
    throw new Problem(gatewayProblems.cors_refused, {
      detail: `pages of ${JSON.stringify(origin)} may not ask for ${JSON.stringify(method)} here`,
      headers: { vary: PREFLIGHT_VARY },
    })
  }
}

/** What a preflight is told, whatever the origin. */
function allowedBy({ cors, methods: own }: Shared): Fields {
  const { methods = own, headers = ['authorization', 'content-type'], maxAge } = cors
  const seconds = maxAge === undefined ? [] : [String(Math.floor(Value.Decode(MaxAge, maxAge) / 1000))]
  return {
    vary: PREFLIGHT_VARY,
    'access-control-allow-methods': methods.join(', '),
    ...list('access-control-allow-headers', headers),
    ...list('access-control-max-age', seconds),
  }
}

export function isShared(route: Route): route is Shared {
  return route.cors !== undefined
}

/** HEAD goes with GET. */
function asGet(method: string): string {
  return method === 'HEAD' ? 'GET' : method
}

function takes({ origins }: Cors, origin: string): boolean {
  return origins.includes(origin) || origins[0] === '*'
}

function grant({ origins, credentials }: Cors, origin: string): Fields {
  return {
    'access-control-allow-origin': origins[0] === '*' ? '*' : origin,
    ...(credentials ? { 'access-control-allow-credentials': 'true' } : {}),
  }
}

function list(name: string, members: readonly string[] = []): Fields {
  return members.length > 0 ? { [name]: members.join(', ') } : {}
}
