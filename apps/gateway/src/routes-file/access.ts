/** Who may call a route: what its `auth` may say, and what it may not although its shape is right. */
import type { Access as RouteAccess } from '@spillway/auth'
import { type Mistake, mistake, type Path } from '@spillway/service'
import { Type } from 'typebox'

const Role = Type.String({
  pattern: '^[a-z][a-z0-9_-]{0,31}$',
  wants: 'a role such as editor: lower-case letters, digits, _ and -',
})
const wants = 'public, signed-in, a role such as { role: editor }, or { owner: NAME } with a {NAME} of the path'

export const Access = Type.Unsafe<RouteAccess>(
  Type.Union(
    [
      Type.Literal('public'),
      Type.Literal('signed-in'),
      Type.Object(
        {
          role: Type.Optional(Role),
          owner: Type.Optional(Type.String({ pattern: '^\\w+$', wants: 'the name of a {NAME} in the path' })),
        },
        { additionalProperties: false },
      ),
    ],
    { wants },
  ),
)

/** @param names the path's */
export function accessMistakes(auth: RouteAccess | undefined, names: readonly string[], at: Path): Mistake[] {
  if (typeof auth !== 'object') return []
  const { owner, role } = auth
  if (owner === undefined) return role === undefined ? [mistake(at, `is {}; it must be ${wants}`)] : []
  if (names.includes(owner)) return []
  const known = names.map((name) => `{${name}}`).join(', ') || 'no names'
  return [mistake([...at, 'owner'], `is ${owner}, which is not in the path; it has ${known}`)]
}
