/** What a route does with a request: sends it on, with fields changed, or redirects or answers by itself. */
import { reservedField } from '@spillway/forward'
import { type Mistake, mistake, type Path, taskMistakes } from '@spillway/service'
import { pathShape, unknownNames } from './path.ts'
import type { RouteSource } from './schema.ts'

type Task = Partial<RouteSource>

/** What only means something where an upstream is asked. */
const FOR_UPSTREAMS = [
  'mount',
  'rewrite',
  'cache',
  'identity',
  'timeout',
  'retries',
  'bodyLimit',
  'request',
  'faults',
  'websocket',
  'interceptors',
] as const
/** Who asks is for `auth` and `identity` to say. */
const OF_IDENTITY = /^(authorization|www-authenticate)$/i

/** @param written the route as the file has it; `route` is what of it has the right shape */
export function ownTaskMistakes(route: Task, written: object, at: Path): Mistake[] {
  const own = ['redirect', 'answer'].find((task) => task in written)
  // A task of the wrong shape is there, too.
  const tasks = Object.fromEntries(['upstream', 'redirect', 'answer'].flatMap((key) => (key in written ? [[key]] : [])))
  return [
    ...taskMistakes({ ...tasks, ...route }, at, {
      sends: 'upstream',
      whole: Object.keys(written).every((key) => key in route),
      reserved: (name) => reservedField(name) || OF_IDENTITY.test(name),
    }),
    ...(own === undefined || 'upstream' in written
      ? []
      : FOR_UPSTREAMS.filter((key) => key in written).map((key) =>
          mistake([...at, key], `is declared, but ${own} asks no upstream; leave it out`, 'key'),
        )),
    ...locationMistakes(route, [...at, 'redirect', 'to']),
  ]
}

function locationMistakes({ path, redirect }: Task, at: Path): Mistake[] {
  if (redirect === undefined || path === undefined) return []
  const { to } = redirect
  // What a name stands for must not become a host, or part of what stands beside it.
  const misplaced = /^https?:\/\/[^/]*\{|[^/]\{\w+\}|\{\w+\}[^/?#]/.test(to)
  return [
    ...(to.endsWith('*')
      ? [mistake(at, 'ends with a star, but nothing is below the path of a route; use its names, as in /new/{id}')]
      : []),
    ...(misplaced ? [mistake(at, `is ${JSON.stringify(to)}; a {name} is a whole segment of a path`)] : []),
    ...unknownNames(to, path).map((message) => mistake(at, message)),
  ]
}

/** Redirects that come back to where they were. */
export function loops(routes: readonly Task[]): Mistake[] {
  const known = routes.map(({ path = '', redirect }) => {
    const shape = pathShape(path)
    const takes = new RegExp(`^${shape.replaceAll('.', '\\.').replaceAll('{}', '[^/]+')}$`)
    return { shape, takes, to: redirect?.to.split(/[?#]/, 1)[0] }
  })
  // Of several that take a path, the one that names more of it does: a brace comes after letters and digits.
  const inOrder = known.toSorted((one, other) => (one.shape < other.shape ? -1 : 1))
  type Known = (typeof known)[number]
  const after = ({ to }: Known) => (to === undefined ? undefined : inOrder.find(({ takes }) => takes.test(to)))
  return known.flatMap((first, index) => {
    const seen = new Set<Known>()
    let next: Known | undefined = first
    while (next && !seen.has(next)) {
      seen.add(next)
      next = after(next)
    }
    return next === first ? [mistake(['routes', index, 'redirect', 'to'], 'leads back to here, without an end')] : []
  })
}
