/** How often a route may be asked: what its `limit` may say, and the limits that come of it. */
import { duration, type Mistake, mistake, type Path, whole } from '@spillway/service'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { RouteSource } from './schema.ts'

const MOST = 100_000
const DAY_MS = 86_400_000

const Duration = duration({ about: '' })

const Limit = Type.Object(
  {
    requests: whole({ about: 'Requests in that time.', minimum: 1, maximum: MOST }),
    per: Type.Refine(
      Type.String({ wants: 'whole seconds, up to a day, such as 1s, 1m, 1h' }),
      (text) => Value.Check(Duration, text) && isTime(Value.Decode(Duration, text)),
    ),
    burst: Type.Optional(whole({ about: 'How many may come at once.', minimum: 1, maximum: MOST })),
    by: Type.Optional(
      Type.String({
        pattern: "^(user|address|route|header:[\\w!#$%&'*+.^`|~-]+)$",
        wants: 'user, address, route, or a field such as header:x-api-key',
      }),
    ),
  },
  { additionalProperties: false },
)

export const Limits = Type.Union([Limit, Type.Array(Limit, { minItems: 1, wants: 'a list of at least one limit' })], {
  wants: 'a limit such as { requests: 100, per: 1m }, or a list of them',
})

/** One limit, with its defaults filled in. */
export interface RouteLimit {
  requests: number
  perMs: number
  burst: number
  /** Who is counted: each user, address or value of a field by itself, or all callers of the route together. */
  by: 'user' | 'address' | 'route' | `header:${string}`
}

/** In the order in which they are to be asked: whom his own limit stops takes nothing of what all share. */
export function limitsOf(source: RouteSource['limit'], auth: RouteSource['auth']): RouteLimit[] {
  const limits = (source === undefined ? [] : [source].flat()).map(({ requests, per, burst = requests, by }) => ({
    requests,
    perMs: Value.Decode(Duration, per),
    burst,
    by: (by?.toLowerCase() ?? (auth === 'public' ? 'address' : 'user')) as RouteLimit['by'],
  }))
  return limits.toSorted((a, b) => Number(a.by === 'route') - Number(b.by === 'route'))
}

export function limitMistakes({ limit, auth }: Partial<RouteSource>, at: Path): Mistake[] {
  if (limit === undefined || auth !== 'public') return []
  return [limit].flat().flatMap(({ by }, index) => {
    const place = [...at, 'limit', ...(Array.isArray(limit) ? [index] : []), 'by']
    return by === 'user'
      ? [mistake(place, 'is user, but the route is public; it must be address, route or a field')]
      : []
  })
}

function isTime(ms: number): boolean {
  return ms >= 1000 && ms <= DAY_MS && ms % 1000 === 0
}
