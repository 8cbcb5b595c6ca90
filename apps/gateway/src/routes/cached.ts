/** `GET /admin/cache/stats` and `/admin/cache/entries`: what the cache service does and holds, for administrators. */
import { type CacheInspection, CacheStats, EntriesPage, EntriesQuery } from '@spillway/cache-client'
import { Type } from 'typebox'
import type { Route } from '../routes-file/read.ts'
import type { App } from '../server.ts'
import { BEARER, problemResponses } from './docs.ts'

const { cursor, limit } = EntriesQuery.properties
const query = Type.Object(
  {
    prefix: Type.String({
      pattern: '^/',
      maxLength: 2048,
      default: '/',
      description: 'Entries of URL paths that begin so, as upstreams are asked for them, such as `/data/`',
    }),
    cursor,
    limit,
  },
  { additionalProperties: false },
)

export function cached(
  app: App,
  { inspection, routes }: { inspection: CacheInspection; routes: readonly Route[] },
): void {
  /** An entry's URL has the upstream's name as its host; of routes with one path, any may have brought it. */
  const upstreams = [
    ...new Set(routes.flatMap(({ methods, upstream }) => (methods.includes('GET') && upstream ? [upstream] : []))),
  ]
  const ofAdministration = {
    tags: ['administration'],
    security: [{ [BEARER]: [] }],
  }

  app.get(
    '/admin/cache/stats',
    {
      config: { auth: 'admin' },
      schema: {
        summary: 'The cache service’s figures',
        ...ofAdministration,
        response: { 200: { ...CacheStats, description: 'Since its start' }, ...problemResponses(401, 403, 503) },
      },
    },
    async (_request, reply) => reply.header('cache-control', 'no-store').send(await inspection.stats()),
  )

  app.get(
    '/admin/cache/entries',
    {
      config: { auth: 'admin' },
      schema: {
        summary: 'What the cache service holds, by name, a page at a time',
        ...ofAdministration,
        querystring: query,
        response: {
          200: { ...EntriesPage, description: 'Names, ages and sizes, no bodies' },
          ...problemResponses(400, 401, 403, 503),
        },
      },
    },
    async (request, reply) => {
      const { prefix, ...page } = request.query
      const prefixes = upstreams.map((upstream) => `http://${upstream}${prefix}`)
      return reply.header('cache-control', 'no-store').send(await inspection.entries({ ...page, prefix: prefixes }))
    },
  )
}
