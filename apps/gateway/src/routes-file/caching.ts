/** How a route's answers are cached: what its `cache` may say, and the options of its own interceptor. */
import { type HttpCacheOptions, LONGEST_BODY } from '@spillway/http-cache'
import { choice, duration, size, whole } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'

const Duration = duration({ about: '' })
const Size = size({ about: '' })

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
    maxBodyBytes: Type.Optional(
      Type.Refine(
        Type.String({ wants: `a size such as 64kB, at most ${LONGEST_BODY / 1024}KiB` }),
        (text) => Value.Check(Size, text) && Value.Decode(Size, text) <= LONGEST_BODY,
      ),
    ),
    negativeTtl: Type.Optional(duration({ about: 'How long an error that says nothing of it is kept.' })),
    storeSetCookie: Type.Optional(Type.Boolean({ wants: 'true or false' })),
    ttl: Type.Optional(duration({ about: 'How long an answer is fresh that says nothing of it.' })),
  },
  { additionalProperties: false },
)
export type Caching = Static<typeof Caching>

export type CacheOptions = Omit<HttpCacheOptions, 'cache' | 'random'>

/** Times in milliseconds, sizes in bytes. */
export function cacheOptions({ scope: _scope, ttl, negativeTtl, maxBodyBytes, ...options }: Caching): CacheOptions {
  return {
    ...options,
    ...(ttl === undefined ? {} : { ttl: Value.Decode(Duration, ttl) }),
    ...(negativeTtl === undefined ? {} : { negativeTtl: Value.Decode(Duration, negativeTtl) }),
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes: Value.Decode(Size, maxBodyBytes) }),
  }
}
