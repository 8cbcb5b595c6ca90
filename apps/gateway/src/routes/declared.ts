/** The routes of the routes file: authenticate, validate, then forward through the cache. */
import { type Identity, requireRole, requireSignedIn } from '@spillway/auth'
import { createForward } from '@spillway/forward'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { type Clusters, clusterNamed } from '../clusters.ts'
import type { Route } from '../routes-file/read.ts'
import type { App } from '../server.ts'
import { BEARER, problemResponse, problemResponses } from './docs.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The body's bytes as they came, where it was read here; they are what is sent on. */
    rawBody: Buffer | null
  }
}

const JSON_TYPES = /^application\/(?:[\w.-]+\+)?json(?:\s*;|$)/i

export async function declaredRoutes(
  app: App,
  options: { routes: readonly Route[]; clusters: Clusters; name: string },
): Promise<void> {
  app.decorateRequest('rawBody', null)
  for (const route of options.routes) {
    await app.register(async (scope) => {
      declare(scope, route, options.clusters, options.name)
    })
  }
}

/** In a scope of its own, since how bodies are read differs from route to route. */
function declare(app: FastifyInstance, route: Route, clusters: Clusters, name: string): void {
  const cluster = clusterNamed(clusters, route.upstream)
  const forward = createForward({
    dispatcher: cluster.cached,
    origin: cluster.origin,
    name,
    identity: route.identity,
    timeout: route.timeoutMs,
  })
  takeBodies(app, route)
  // The upstream's answer passes as bytes; response schemas are for OpenAPI only.
  app.setSerializerCompiler(() => JSON.stringify)
  app.route({
    method: route.methods,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: schemaOf(route),
    ...(route.bodyLimit === undefined ? {} : { bodyLimit: route.bodyLimit }),
    ...(route.auth === 'public' ? {} : { onRequest: guard(route.auth) }),
    handler: (request, reply) => {
      const scope = scopeOf(route, request.identity)
      return forward(request, reply, {
        ...(request.rawBody ? { body: request.rawBody } : {}),
        ...(scope === undefined ? {} : { scope }),
      })
    },
  })
}

function guard(access: Exclude<Route['auth'], 'public'>) {
  return access === 'signed-in' ? requireSignedIn() : requireRole(access.role)
}

/** Read whole where it has a schema or a limit, since both must be known before anything is sent; else streamed. */
function takeBodies(app: FastifyInstance, { request: { body }, bodyLimit }: Route): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  if (body) {
    app.addContentTypeParser<Buffer>(JSON_TYPES, { parseAs: 'buffer' }, (request, raw, done) => {
      request.rawBody = raw
      void parseJson(request, raw.toString(), done)
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
  return cacheScope === 'role' ? `role:${identity.roles.toSorted().join(',')}` : `user:${identity.subject}`
}

function schemaOf({ request, responses, auth, summary, description, bodyLimit }: Route): FastifySchema {
  const validated = request.params || request.query || request.body
  return {
    tags: ['routes'],
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    ...(request.params ? { params: request.params } : {}),
    ...(request.query ? { querystring: request.query } : {}),
    ...(request.body ? { body: request.body } : {}),
    security: auth === 'public' ? [] : [{ [BEARER]: [] }],
    response: {
      ...problemResponses(...(validated ? [400] : []), ...(auth === 'public' ? [] : [401])),
      ...problemResponses(...(typeof auth === 'object' ? [403] : []), ...(request.body || bodyLimit ? [413] : [])),
      ...problemResponses(502, 503, 504),
      ...Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [status, responseOf(response, status)]),
      ),
    },
  }
}

function responseOf({ description, schema }: Route['responses'][string], status: string): object {
  if (schema) return { description, content: { 'application/json': { schema } } }
  return Number(status) < 400 ? { description, type: 'null' } : problemResponse(description)
}
