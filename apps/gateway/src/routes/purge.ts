/** `POST /admin/cache/purge`: makes every gateway forget what it names, for whoever changed data behind the API's back. */
import type { Purge, SharedCache } from '@spillway/cache-client'
import { Problem } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { gatewayProblems } from '../errors.ts'
import type { Route } from '../routes-file/read.ts'
import type { App } from '../server.ts'
import { urlTags } from '../url-tags.ts'
import { BEARER, problemResponses } from './docs.ts'

const names = (description: string) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 8192 }), { minItems: 1, maxItems: 1000, description }),
  )

const PurgeBody = Type.Object(
  {
    keys: names('URL paths as clients ask for them, query included, such as `/data/alpha`'),
    tags: names('Tags as upstreams give them in `Cache-Tag`'),
    all: Type.Optional(Type.Literal(true)),
    soft: Type.Optional(
      Type.Literal(true, {
        description:
          'Makes stale what is named instead of dropping it: it may be served as long as its upstream lets stale answers be, while it is asked for anew',
      }),
    ),
  },
  {
    additionalProperties: false,
    oneOf: [{ required: ['keys'] }, { required: ['tags'] }, { required: ['all'] }],
    description: 'Exactly one of `keys`, `tags` and `all`',
  },
)

export function purge(app: App, { cache, routes }: { cache: SharedCache; routes: readonly Route[] }): void {
  const reads = routes.filter(({ methods, upstream }) => methods.includes('GET') && upstream !== undefined)
  const paths = [...new Set(reads.map(({ path }) => path))].join(', ')
  const tagsOf = urlTags(routes)
  const known = (key: string): string[] => {
    const tags = tagsOf(key)
    if (tags.length > 0) return tags
    throw new Problem(gatewayProblems.purge_key_unknown, {
      detail: `nothing is cached under ${JSON.stringify(key)}; paths are ${paths}`,
    })
  }

  app.post(
    '/admin/cache/purge',
    {
      config: { auth: 'admin' },
      // With a host put before each key, it must still fit into what the cache service takes (1 MiB).
      bodyLimit: 524_288,
      schema: {
        summary: 'Purges answers from every cache',
        tags: ['administration'],
        security: [{ [BEARER]: [] }],
        body: PurgeBody,
        response: {
          204: { type: 'null', description: 'No gateway serves what was named any more' },
          ...problemResponses(400, 401, 403, 413, 422, 504),
        },
      },
    },
    async (request, reply) => {
      await cache.purge(named(request.body, known))
      return reply.code(204).send(null)
    },
  )
}

/** The schema lets exactly one of the three through. */
function named({ keys, tags, soft }: Static<typeof PurgeBody>, tagsOf: (key: string) => string[]): Purge {
  const how = soft ? { soft } : {}
  if (keys) return { tags: keys.flatMap(tagsOf), ...how }
  return tags ? { tags, ...how } : { all: true, ...how }
}
