/** What a route's `rewrite` may say: the path that is asked for upstream, made of the names in its own. */
import { type Mistake, mistake, type Path } from '@spillway/service'
import { Type } from 'typebox'
import { SEGMENT, unknownNames } from './path.ts'

export const Rewrite = Type.String({
  // No dot segments: the upstream would ask itself for another path.
  pattern: `^(?=/)(/(?!\\.{1,2}(/|$))${SEGMENT})*/?$`,
  wants:
    'a path such as /v1/items/{id}, whose segments are letters, digits and . _ ~ - or a {name} of the route’s path',
})

export function rewriteMistakes(route: { path?: string; rewrite?: string; mount?: string }, at: Path): Mistake[] {
  const { path, rewrite, mount } = route
  if (rewrite === undefined) return []
  const place = [...at, 'rewrite']
  if (mount !== undefined)
    return [mistake(place, 'is declared, but mount leads elsewhere already; leave it out', 'key')]
  return path === undefined ? [] : unknownNames(rewrite, path).map((message) => mistake(place, message))
}
