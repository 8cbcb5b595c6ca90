/** What a routes file may not say although its shape is right: names that lead nowhere, routes that hide each other. */
import { isMapping, type Mistake, mistake, mistakesOf, type Path } from '@spillway/service'
import { Value } from 'typebox/value'
import { accessMistakes } from './access.ts'
import { corsMistakes } from './cors.ts'
import { definitions } from './json-schema.ts'
import { limitMistakes } from './limit.ts'
import { parameterNames, pathShape } from './path.ts'
import { rewriteMistakes } from './rewrite.ts'
import { RouteSource } from './schema.ts'
import { loops, ownTaskMistakes } from './task.ts'
import { expand, unsetMistakes, type Variables } from './variables.ts'
import { webSocketMistakes } from './websocket.ts'

/** Which line a place is in, for mistakes that name a second place. */
export type LineOf = (at: Path) => number

/** The service that `/login` asks. */
export const SIGN_IN_UPSTREAM = 'db'

const BUILT_IN = /^\/(login|logout|admin|docs|openapi\.json|\.well-known\/jwks\.json|health|ready|metrics)(\/|$)/
/** As any URL may have it (RFC 3986, 3.3). */
const PATH = /^(\/([\w.~!$&'()*+,;=:@-]|%[\dA-Fa-f]{2})+)*\/?$/

type Sound = Partial<RouteSource>

/** Looks at what has the right shape only, so that one slip is one mistake. */
export function ruleMistakes(source: unknown, variables: Variables, lineOf: LineOf): Mistake[] {
  const upstreams = isMapping(source) && isMapping(source.upstreams) ? source.upstreams : undefined
  const written = isMapping(source) && Array.isArray(source.routes) ? source.routes : []
  const routes = written.map(sound)
  return [
    ...(upstreams && !Object.hasOwn(upstreams, SIGN_IN_UPSTREAM)
      ? [mistake(['upstreams'], `lacks ${SIGN_IN_UPSTREAM}, the service that /login asks`)]
      : []),
    ...routes.flatMap((route, index) => [
      ...routeMistakes(route, ['routes', index], upstreams),
      ...mountMistakes(route, ['routes', index], variables),
      ...limitMistakes(route, ['routes', index]),
      ...rewriteMistakes(route, ['routes', index]),
      ...corsMistakes(route, ['routes', index]),
      ...webSocketMistakes(route, ['routes', index]),
      ...(isMapping(written[index]) ? ownTaskMistakes(route, written[index], ['routes', index]) : []),
    ]),
    ...loops(routes),
    ...duplicates(routes, lineOf),
    ...unpurged(routes, lineOf),
  ]
}

function sound(route: unknown): Sound {
  if (!isMapping(route)) return {}
  const kept = Object.entries(RouteSource.properties).filter(
    ([key, schema]) => Object.hasOwn(route, key) && mistakesOf(schema, route[key], [], definitions).length === 0,
  )
  return Object.fromEntries(kept.map(([key]) => [key, route[key]]))
}

function routeMistakes(route: Sound, at: Path, upstreams: Record<string, unknown> | undefined): Mistake[] {
  return [
    ...(upstreams ? unknownUpstream(route, at, upstreams) : []),
    ...pathMistakes(route, at),
    ...(route.path === undefined ? [] : accessMistakes(route.auth, parameterNames(route.path), [...at, 'auth'])),
    ...methodMistakes(route, at),
    ...(route.timeout === undefined || timeoutFits(Value.Decode(RouteSource.properties.timeout, route.timeout) ?? 0)
      ? []
      : [mistake([...at, 'timeout'], `is ${route.timeout}; it must be more than 0 and at most 15s`)]),
    ...(route.auth === 'public' && typeof route.cache === 'object' && route.cache.scope !== 'public'
      ? [mistake([...at, 'cache'], 'is per role or user, but the route is public; the scope must be public')]
      : []),
  ]
}

/** What is mounted goes on as it comes: nothing of it is read, checked or kept here. */
function mountMistakes(route: Sound, at: Path, variables: Variables): Mistake[] {
  if (route.mount === undefined) return []
  const place = [...at, 'mount']
  const unset = unsetMistakes(route.mount, place, variables)
  if (unset.length > 0) return unset
  const named = route.path !== undefined && parameterNames(route.path).length > 0
  return [
    ...(PATH.test(expand(route.mount, variables))
      ? []
      : [mistake(place, `is ${JSON.stringify(route.mount)}; it must come to a path such as /base`)]),
    ...(named ? [mistake([...at, 'path'], 'has names, but what is mounted has none; write it without {}')] : []),
    ...(['cache', 'request', 'bodyLimit'] as const)
      .filter((key) => route[key] !== undefined)
      .map((key) => mistake([...at, key], 'is declared, but what is mounted goes on as it comes; leave it out', 'key')),
  ]
}

/** What a proxy waits for is bounded everywhere (docs/routes.md); a route may only wait for less. */
function timeoutFits(ms: number): boolean {
  return ms > 0 && ms <= 15_000
}

function unknownUpstream(route: Sound, at: Path, upstreams: Record<string, unknown>): Mistake[] {
  if (route.upstream === undefined || Object.hasOwn(upstreams, route.upstream)) return []
  const known = Object.keys(upstreams).join(', ') || 'none'
  return [mistake([...at, 'upstream'], `is ${JSON.stringify(route.upstream)}; known upstreams are ${known}`)]
}

function pathMistakes(route: Sound, at: Path): Mistake[] {
  if (route.path === undefined) return []
  const names = parameterNames(route.path)
  const repeated = names.find((name, index) => names.indexOf(name) < index)
  return [
    ...(BUILT_IN.test(route.path)
      ? [mistake([...at, 'path'], `is ${route.path}, which is built in; take another`)]
      : []),
    ...(repeated === undefined ? [] : [mistake([...at, 'path'], `names {${repeated}} twice; each name once`)]),
    ...Object.keys(route.request?.params?.properties ?? {})
      .filter((name) => !names.includes(name))
      .map((name) => {
        const message = `is not in the path, which has ${names.map((known) => `{${known}}`).join(', ') || 'no names'}`
        return mistake([...at, 'request', 'params', 'properties', name], message, 'key')
      }),
  ]
}

function methodMistakes(route: Sound, at: Path): Mistake[] {
  if (route.methods === undefined) return []
  const reads = route.methods.includes('GET')
  const repeated = route.methods.findIndex((method, index) => route.methods?.indexOf(method) !== index)
  return [
    ...(repeated < 0 ? [] : [mistake([...at, 'methods', repeated], 'stands there twice; once is enough')]),
    ...(reads && route.request?.body !== undefined
      ? [
          mistake(
            [...at, 'request', 'body'],
            'is declared, but GET has no body; give the other methods a route of their own',
          ),
        ]
      : []),
    ...(!reads && route.cache !== undefined && route.cache !== 'none'
      ? [mistake([...at, 'cache'], 'is declared, but only answers to GET are cached; leave it out, or say none')]
      : []),
  ]
}

function duplicates(routes: readonly Sound[], lineOf: LineOf): Mistake[] {
  const first = new Map<string, number>()
  return routes.flatMap(({ path, methods }, index) =>
    [...new Set(path === undefined ? [] : methods)].flatMap((method) => {
      const shape = `${method} ${pathShape(path as string)}`
      const earlier = first.get(shape)
      if (earlier !== undefined) {
        const message = `takes ${method} again: the route of line ${lineOf(['routes', earlier])} has ${shape} already`
        return [mistake(['routes', index, 'path'], message)]
      }
      first.set(shape, index)
      return []
    }),
  )
}

/** Writes that purge nothing, where there is something cached that they change. */
function unpurged(routes: readonly Sound[], lineOf: LineOf): Mistake[] {
  const bypasses = ({ cache, mount }: Sound) => cache === 'none' || mount !== undefined
  const cached = new Map<string, number>()
  for (const [index, route] of routes.entries()) {
    const { path, methods } = route
    if (path === undefined || !methods?.includes('GET') || bypasses(route)) continue
    for (const place of places(route)) cached.set(place, index)
  }
  return routes.flatMap((route, index) => {
    const { path = '', methods, mount } = route
    const [reader] = places(route).flatMap((place) => cached.get(place) ?? [])
    const writes = methods?.some((method) => method !== 'GET' && method !== 'OPTIONS')
    if (reader === undefined || !writes || !bypasses(route)) return []
    const message = `leaves what is cached of ${path} as it is (the route of line ${lineOf(['routes', reader])}); cache neither or both`
    return [mistake(['routes', index, mount === undefined ? 'cache' : 'mount'], message)]
  })
}

/** What a route's requests are for, as clients see it and as the upstream does. */
function places({ path = '', upstream = '', rewrite = path }: Sound): string[] {
  return [pathShape(path), `${upstream} ${pathShape(rewrite)}`]
}
