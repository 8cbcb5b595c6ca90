/** The routes of the routes file: authenticate, validate, then forward through the cache. */
import { type Identity, requireAccess } from '@spillway/auth'
import type { SharedCache } from '@spillway/cache-client'
import type { HashKey } from '@spillway/clusters'
import { createForward, type Forward, mount, target } from '@spillway/forward'
import { commonProblems, Problem, parseJson } from '@spillway/service'
import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { type Clusters, clusterNamed, dispatcherOf, originOf } from '../clusters.ts'
import { isShared, preflights, share } from '../cors.ts'
import { gatewayProblems } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { fieldChanges } from '../fields.ts'
import { intercepted } from '../interceptors.ts'
import { isPlainJson } from '../json-body.ts'
import type { Limits } from '../limits.ts'
import { ownAnswer } from '../own-answer.ts'
import type { Places } from '../places.ts'
import { climbs } from '../reading.ts'
import { asWritten, rewriting } from '../rewrite.ts'
import { routerPath } from '../routes-file/path.ts'
import type { Route } from '../routes-file/read.ts'
import type { App } from '../server.ts'
import type { Shedding } from '../shedding.ts'
import { refuseUpgrades } from '../upgrades.ts'
import { urlTags } from '../url-tags.ts'
import { schemaOf } from './described.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's bytes as they came, where it was read here; they are what is sent on. */
    rawBody: Buffer | null
  }
}

type TagsOf = ReturnType<typeof urlTags>

/** RFC 9110, 9.2.1. */
const SAFE = /^(GET|HEAD|OPTIONS)$/
const NOT_PLAIN = 'the body must be JSON in UTF-8: one Content-Type, without another charset, and no Content-Encoding'
const JSON_TYPES = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i

export interface DeclaredOptions {
  routes: readonly Route[]
  clusters: Clusters
  cache: SharedCache
  name: string
  limits: Limits
  /** Without, there is no limit. */
  places: Places | undefined
  faults: Faults
  shedding: Shedding
}

export async function declaredRoutes(app: App, options: DeclaredOptions): Promise<void> {
  app.decorateRequest('rawBody', null)
  app.decorateRequest('queuedMs', 0)
  app.decorateRequest('faultMs', 0)
  const tagsOf = urlTags(options.routes)
  const preflight = preflights(app, options.routes)
  for (const route of options.routes) {
    await app.register(async (scope) => {
      const asked = preflight(route)
      if (asked) scope.addHook('onRequest', asked)
      declare(scope, route, options, tagsOf)
    })
  }
}

/** In a scope of its own, since how bodies are read differs from route to route. */
function declare(
  app: FastifyInstance,
  route: Route,
  { clusters, cache, name, limits, places, faults, shedding }: DeclaredOptions,
  tagsOf: TagsOf,
): void {
  if (isShared(route)) share(app, route)
  app.addHook('onRequest', shedding.hook(route.auth === 'public' ? 'public' : 'signed-in'))
  // Before the hooks of its scope that go by who is asking, and not behind them, where `config.auth` alone would put it.
  if (route.auth !== 'public') app.addHook('onRequest', requireAccess(route.auth))
  if (route.limits.length > 0) app.addHook('onRequest', limits.of(route))
  const refused = refuseUpgrades(route)
  if (refused) app.addHook('onRequest', refused)
  if (places) app.addHook('preHandler', places.taken(route.timeoutMs))
  takeBodies(app, route)
  const own = ownAnswer(route)
  if (own) {
    declareRoute(app, route, own)
    return
  }
  app.addHook('preHandler', faults.inject(route))
  const cluster = clusterNamed(clusters, route.upstream ?? '')
  const forward = createForward({
    dispatcher: intercepted(dispatcherOf(route, cluster, cache), route.interceptors),
    origin: originOf(cluster),
    name,
    identity: route.identity,
    timeout: route.timeoutMs,
    headers: fieldChanges(route),
  })
  const send = keyed(forward, cluster.key)
  if (route.mount === undefined) declareRoute(app, route, sending(route, send, tagsOf))
  else declareMount(app, route, route.mount, send)
}

/** With what the policy tells requests apart by, where it looks at that. */
function keyed(forward: Forward, key: HashKey): Forward {
  return (request, reply, how) => {
    const hashKey = key(request)
    return forward(request, reply, hashKey === undefined ? how : { ...how, hashKey })
  }
}

function declareRoute(app: FastifyInstance, route: Route, handler: RouteHandlerMethod): void {
  // The upstream's answer passes as bytes; response schemas are for OpenAPI only.
  app.setSerializerCompiler(() => JSON.stringify)
  app.route({
    method: route.methods,
    url: routerPath(route.path),
    config: { auth: route.auth },
    schema: schemaOf(route),
    ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
    handler,
  })
}

function sending(route: Route, forward: Forward, tagsOf: TagsOf): RouteHandlerMethod {
  const lead = route.rewrite === undefined ? asWritten(route.path) : rewriting(route.path, route.rewrite)
  // Two routes that ask upstream for one path with other fields may get other answers.
  const fields = route.headers?.request ? ` ${JSON.stringify(route.headers.request)}` : ''
  return (request, reply) => {
    const scope = scopeOf(route, request.identity)
    return forward(request, reply, {
      path: lead?.(asked(request)),
      // What clients read under this path may have been asked for under another one.
      changes: SAFE.test(request.method) ? undefined : tagsOf(asked(request)),
      body: request.rawBody ?? undefined,
      scope: scope && scope + fields,
      queuedMs: request.queuedMs,
      faultMs: request.faultMs,
    })
  }
}

/** Path and query, as the client wrote them. */
function asked({ raw }: FastifyRequest): string {
  return target(raw)?.path ?? '/'
}

function declareMount(app: FastifyInstance, route: Route, at: string, forward: Forward): void {
  app.addHook('onRoute', (registered) => {
    registered.schema = registered.url === route.path && registered.method !== 'HEAD' ? schemaOf(route) : { hide: true }
  })
  mount(app, {
    path: route.path,
    // All others are below `/`, those that nothing answers too.
    below: route.path !== '/',
    at,
    methods: route.methods,
    config: { auth: route.auth },
    forward: (request, reply, how) => {
      // The mount knows dots and slashes, but not what stands behind `..;` for servers that drop parameters first.
      if (climbs(asked(request))) throw new Problem(gatewayProblems.ambiguous_path)
      return forward(request, reply, { ...how, queuedMs: request.queuedMs, faultMs: request.faultMs })
    },
  })
}

/** Read whole where it has a schema or a limit, since both must be known before anything is sent; else streamed. */
function takeBodies(app: FastifyInstance, { request: { body }, bodyLimit }: Route): void {
  app.removeAllContentTypeParsers()
  if (body) {
    app.addContentTypeParser<Buffer>(JSON_TYPES, { parseAs: 'buffer' }, (request, raw, done) => {
      if (!isPlainJson(request.raw)) throw new Problem(commonProblems.unsupported_media_type, { detail: NOT_PLAIN })
      request.rawBody = raw
      done(null, parseJson(raw))
    })
  } else if (bodyLimit !== undefined) {
    app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, raw, done) => {
      request.rawBody = raw
      done(null)
    })
  } else {
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  }
}

/** `Exchange.scope`: two requests with the same one may share an answer. */
function scopeOf({ cacheScope }: Route, identity: Identity | null): string | undefined {
  if (cacheScope === 'none') return undefined
  if (cacheScope === 'public') return 'public'
  if (!identity) throw new Error('a cache per role or user needs a signed-in route')
  // As JSON: the role `a,b` is not the roles `a` and `b`, nor is where a subject ends open to whoever chooses one.
  return cacheScope === 'role'
    ? `role:${JSON.stringify(identity.roles.toSorted())}`
    : `user:${JSON.stringify(identity.subject)}`
}
