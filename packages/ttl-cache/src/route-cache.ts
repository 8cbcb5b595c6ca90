/** Answers of Fastify's routes out of a store: a hit without the handler, one run of it for all who ask meanwhile. */
import type { FastifyInstance, FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { Flight, Kept } from './kept.ts'
import { type Rule, ruleOf } from './route-caching.ts'
import type { Store } from './store.ts'

/** The least time, in milliseconds, for which others wait for a handler that is at work. */
const PATIENCE = 60_000
/** Where a request keeps what it does for others. */
const FLIGHT = Symbol('flight')

declare module 'fastify' {
  interface FastifyRequest {
    [FLIGHT]: Flight | undefined
  }
}

/** From now on `config.cache` of `app`'s routes holds, by hooks of theirs and one of `app`. */
export function cacheRoutes(app: FastifyInstance, store: Store<object>): void {
  app.decorateRequest(FLIGHT, undefined)
  app.addHook('onRoute', (route) => {
    const rule = ruleOf(route)
    // Behind whatever else may refuse a request.
    if (rule) route.preHandler = [...[route.preHandler ?? []].flat(), lookup(store, rule)]
  })
  // As the handler has made it, before the hooks that follow change it: they do so with each hit, too.
  app.addHook('onSend', (request, reply, body, done) => {
    const flight = request[FLIGHT]
    if (flight) {
      const kept = flight.keep(request, reply, body)
      land(store, flight, kept)
      flight.end(kept ?? 'unkept')
    }
    done()
  })
}

function lookup(store: Store<object>, rule: Rule): preHandlerAsyncHookHandler {
  return async (request, reply) => {
    const scope = scopeOf(rule, request)
    if (scope === undefined) return
    const key = `route ${JSON.stringify([scope, request.protocol, request.host, request.url])}`
    let found = store.get(key)
    while (found instanceof Flight) {
      const ended = await found.ended
      if (ended === 'unkept') return
      found = ended === 'lost' ? store.get(key) : ended
    }
    if (found instanceof Kept && found.isFor(request)) return found.send(reply)
    if (request.method === 'GET') {
      const options = { key, ttlMs: rule.ttlMs, tags: rule.tagsOf(request), forOne: scope.startsWith('user:') }
      begin(store, new Flight({ ...options, before: reply.getHeaders() }), request, reply)
    }
  }
}

function begin(store: Store<object>, flight: Flight, request: FastifyRequest, reply: FastifyReply): void {
  const { key, ttlMs, tags } = flight.options
  if (!store.set(key, flight, { ttlMs: Math.max(ttlMs, PATIENCE), bytes: 0, tags })) return
  request[FLIGHT] = flight
  // Where Fastify has not answered by then, nobody knows whether it will: the client has left, or somebody else answers.
  reply.raw.once('close', () => {
    land(store, flight, undefined)
    flight.end('lost')
  })
}

/** A purge, or another flight, may have taken its place. */
function land(store: Store<object>, flight: Flight, kept: Kept | undefined): void {
  const { key, ttlMs, tags } = flight.options
  if (store.get(key) !== flight) return
  if (kept) store.set(key, kept, { ttlMs, bytes: kept.bytes, tags })
  else store.delete(key)
}

/** Undefined where the answer can be nobody else's. */
function scopeOf({ scope }: Rule, request: FastifyRequest): string | undefined {
  // As packages/auth has it.
  const { identity } = request as { identity?: { subject: string; roles: readonly string[] } | null }
  if (scope === 'public') return 'public'
  if (!identity) {
    const { authorization, cookie } = request.headers
    return scope === undefined && authorization === undefined && cookie === undefined ? 'public' : undefined
  }
  return scope === 'role' ? `role:${JSON.stringify(identity.roles.toSorted())}` : `user:${identity.subject}`
}
