/** How a route's answers are cached: what its `cache` may say, and the options of its own interceptor. */
import type { HttpCacheOptions } from '@spillway/http-cache'
import { choice, duration, whole } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

const Duration = duration({ about: '' })

/** Without a member, what `HttpCacheOptions` says holds. */
export const Caching = Type.Object(
  {
    scope: choice(['public', 'role', 'user'], { about: 'Who may share a cached answer.' }),
    clientDirectives: Type.Optional(
      choice(['ignore', 'honour'], { about: 'Whether requests’ cache directives count.' }),
    ),
    earlyRefresh: Type.Optional(Type.Number({ minimum: 0, maximum: 100, wants: 'a number from 0 to 100' })),
    fills: Type.Optional(whole({ about: 'Requests at the upstream at once.', minimum: 1, maximum: 100_000 })),
    headers: Type.Optional(
      Type.Array(Type.String({ pattern: "^[\\w!#$%&'*+.^`|~-]+$", wants: 'a field’s name' }), {
        minItems: 1,
        wants: 'a list of request fields such as [accept-language]',
      }),
    ),
    heuristic: Type.Optional(Type.Number({ minimum: 0, maximum: 1, wants: 'a number from 0 to 1' })),
    ttl: Type.Optional(duration({ about: 'How long an answer is fresh that says nothing of it.' })),
  },
  { additionalProperties: false },
)
export type Caching = Static<typeof Caching>

export type CacheOptions = Omit<HttpCacheOptions, 'cache' | 'random'>

/** Times in milliseconds. */
export function cacheOptions({ scope: _scope, ttl, ...options }: Caching): CacheOptions {
  return { ...options, ...(ttl === undefined ? {} : { ttl: Value.Decode(Duration, ttl) }) }
}
