/** `GET /process`: business logic that costs CPU, as a function of its key and size alone, so that caches may keep it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Counter, type Registry } from '@spillway/metrics'
import { type Caching, callerOf, cdnCacheControl, commonProblems, Problem } from '@spillway/service'
import { Type } from 'typebox'
import type { Computations } from '../computations.ts'

interface ProcessRoutes {
  computations: Computations
  registry: Registry
  /** What our caches may do with an answer. */
  caching: Caching
  /** Milliseconds that each answer waits before its work. */
  latencyMs: number
}

/** Travels in tags as it is; the same keys as the db service's. */
const Key = Type.String({ pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._~-]{1,128}$' })
/** `n` is read by `sizeOf`: TypeBox's conversion would take `1.9` for 1, and `true` too. */
const Query = Type.Object({ key: Key, n: Type.Optional(Type.String()) }, { additionalProperties: false })
const Answer = Type.Object({ key: Key, n: Type.Integer(), primes: Type.Integer(), durationMs: Type.Number() })

/** The largest is about 5 ms of a core. */
const SIZE = { default: 10_000, largest: 5_000_000 }

/** Clients ask again each time; our caches obey `CDN-Cache-Control` (RFC 9213). */
const CLIENTS = { 'cache-control': 'private, no-cache' }
const UNCACHED = { ...CLIENTS, 'cdn-cache-control': 'no-store' }

export const processRoutes: FastifyPluginAsyncTypebox<ProcessRoutes> = async (app, options) => {
  const cached = { ...CLIENTS, 'cdn-cache-control': cdnCacheControl(options.caching) }
  const answered = new Counter({
    name: 'spillway_microservice_computations_total',
    help: 'Answers to /process that were computed.',
    registers: [options.registry],
  })

  app.get(
    '/process',
    {
      schema: { querystring: Query, response: { 200: Answer } },
      // Whatever refuses it, validation too.
      onRequest: async (_request, reply) => void reply.headers(UNCACHED),
    },
    async (request, reply) => {
      const { key } = request.query
      const n = sizeOf(request.query.n)
      const computed = await options.computations.primes(n, callerOf(request, reply), options.latencyMs)
      answered.inc()
      return reply.headers({ ...cached, 'cache-tag': `process:${key}, process` }).send({ key, n, ...computed })
    },
  )
}

function sizeOf(text = String(SIZE.default)): number {
  const n = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (n >= 1 && n <= SIZE.largest) return n
  const message = `must be a whole number from 1 to ${SIZE.largest}`
  throw new Problem(commonProblems.validation_failed, {
    detail: `querystring/n ${message}`,
    errors: [{ in: 'querystring', path: '/n', message }],
  })
}
