/** `POST /admin/cache/purge`: makes every gateway forget what it names, for whoever changed data behind the API's back. */
import type { Purge, SharedCache } from '@spillway/cache-client'
import { urlTag } from '@spillway/http-cache'
import { commonProblems, Problem } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { gatewayProblems } from '../errors.ts'
import type { Route } from '../routes-file/read.ts'
import type { App } from '../server.ts'
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
  { additionalProperties: false, description: 'Exactly one of `keys`, `tags` and `all`' },
)

export function purge(app: App, { cache, routes }: { cache: SharedCache; routes: readonly Route[] }): void {
  const reads = routes.filter(({ methods }) => methods.includes('GET'))
  const patterns = reads.map(({ path, upstream }) => ({ upstream, pattern: pattern(path) }))
  const paths = [...new Set(reads.map(({ path }) => path))].join(', ')

  /** Every entry has its URL as a tag, with the upstream's name as its host. Of two routes that match, either may serve it. */
  const urlTags = (key: string): string[] => {
    const path = key.split('?', 1)[0] ?? ''
    const tags = patterns
      .filter((each) => each.pattern.test(path))
      .map(({ upstream }) => urlTag(`http://${upstream}${key}`))
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
          ...problemResponses(400, 401, 403, 413, 504),
        },
      },
    },
    async (request, reply) => {
      await cache.purge(named(request.body, urlTags))
      return reply.code(204).send(null)
    },
  )
}

/** @throws {Problem} unless exactly one of the three is there */
function named({ keys, tags, all, soft }: Static<typeof PurgeBody>, urlTags: (key: string) => string[]): Purge {
  if ([keys, tags, all].filter((names) => names !== undefined).length !== 1) {
    throw new Problem(commonProblems.validation_failed, { detail: 'name exactly one of keys, tags and all' })
  }
  const how = soft ? { soft } : {}
  if (keys) return { tags: keys.flatMap(urlTags), ...how }
  return tags ? { tags, ...how } : { all: true, ...how }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`)
}
