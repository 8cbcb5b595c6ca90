/** What a route's `cors` may say: which pages of other origins may read its answers (Fetch, 3.2). */
import { duration, type Mistake, mistake, type Path } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { METHODS } from './methods.ts'
import type { RouteSource } from './schema.ts'

/** A star is a name for browsers only in places, and never one for `authorization`. */
const names = (wants: string) =>
  Type.Optional(Type.Array(Type.String({ pattern: "^[\\w!#$%&'+.^`|~-]+$", wants: 'a field’s name' }), { wants }))

/** Compared letter for letter: what browsers would never send can never match. */
const Origin = Type.Refine(
  Type.String({
    wants: 'an origin as browsers send it, such as https://app.example or http://localhost:3000; or * alone',
  }),
  (text) => text === '*' || (/^https?:\/\/[\w.:[\]-]+$/.test(text) && URL.parse(text)?.origin === text),
)

export const Cors = Type.Object(
  {
    origins: Type.Array(Origin, { minItems: 1, wants: 'a list such as [https://app.example]' }),
    methods: Type.Optional(Type.Array(METHODS, { minItems: 1, wants: 'a list of some of the route’s methods' })),
    headers: names('a list of request fields such as [authorization, content-type]'),
    exposed: names('a list of fields of answers such as [etag, x-request-id]'),
    credentials: Type.Optional(Type.Boolean({ wants: 'true or false' })),
    maxAge: Type.Optional(duration({ about: 'How long browsers remember what a preflight said.' })),
  },
  { additionalProperties: false },
)
export type Cors = Static<typeof Cors>

export function corsMistakes({ cors, methods, headers }: Partial<RouteSource>, at: Path): Mistake[] {
  if (cors === undefined) return []
  const place = [...at, 'cors']
  const forAll = cors.origins.includes('*')
  const { set = {}, remove = [] } = headers?.response ?? {}
  const said = [...Object.keys(set), ...remove].find((name) => /^access-control-/i.test(name))
  return [
    ...(forAll && cors.origins.length > 1
      ? [mistake([...place, 'origins'], 'has * beside others; * is every origin, and stands alone')]
      : []),
    ...(forAll && cors.credentials
      ? [mistake([...place, 'credentials'], 'is true, but origins is *; name the origins that may send credentials')]
      : []),
    ...(cors.methods ?? []).flatMap((method, index) =>
      methods === undefined || methods.includes(method)
        ? []
        : [
            mistake(
              [...place, 'methods', index],
              `is ${method}, which the route does not take; it takes ${methods.join(', ')}`,
            ),
          ],
    ),
    ...(said === undefined
      ? []
      : [mistake([...at, 'headers', 'response'], `changes ${said}, which cors writes; leave it to that`, 'key')]),
  ]
}
