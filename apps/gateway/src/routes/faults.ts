/** `/admin/faults`: what is delayed or aborted on purpose, at the gateway that is asked, changed while requests pass. */
import { Problem } from '@spillway/service'
import type { FastifyBaseLogger } from 'fastify'
import { Type } from 'typebox'
import { gatewayProblems } from '../errors.ts'
import type { Faults, Place } from '../faults.ts'
import { FaultsSource } from '../routes-file/faults.ts'
import { METHODS } from '../routes-file/methods.ts'
import type { Route } from '../routes-file/read.ts'
import type { App } from '../server.ts'
import { BEARER, problemResponses } from './docs.ts'

const { delay, abort } = FaultsSource.properties
const path = Type.String({
  minLength: 1,
  maxLength: 8192,
  description: 'As the routes file has it, such as `/data/{key}`',
})
const method = Type.Optional(METHODS)
const closed = { additionalProperties: false }

const Standing = Type.Object(
  {
    faults: Type.Array(
      Type.Object({
        path: Type.String(),
        method: Type.String(),
        delay: Type.Optional(Type.Object({ for: Type.String(), share: Type.Number() })),
        abort: Type.Optional(Type.Object({ status: Type.Integer(), share: Type.Number() })),
        from: Type.Enum(['file', 'administrator']),
      }),
    ),
  },
  { description: 'All that is injected now, and what an administrator has switched off' },
)

export function faultsRoutes(app: App, { faults, routes }: { faults: Faults; routes: readonly Route[] }): void {
  const known = routes.filter(({ upstream }) => upstream !== undefined)
  const all = known.flatMap((route) =>
    route.methods.map((each) => ({ route, place: { path: route.path, method: each } })),
  )
  const standing = () => ({
    faults: all.flatMap(({ route, place }) => {
      const changed = faults.isChanged(place)
      const now = faults.of(route, place.method)
      if (!changed && Object.keys(now).length === 0) return []
      return [{ ...place, ...now, from: changed ? ('administrator' as const) : ('file' as const) }]
    }),
  })
  /** Those of a path, with one method or with any. */
  const places = (of: { path?: string; method?: string }): Place[] => {
    const meant = all.flatMap(({ place }) => {
      const isMeant = place.path === (of.path ?? place.path) && place.method === (of.method ?? place.method)
      return isMeant ? [place] : []
    })
    if (meant.length > 0) return meant
    throw new Problem(gatewayProblems.fault_route_unknown, {
      detail: `paths are ${[...new Set(known.map((route) => route.path))].join(', ')}`,
    })
  }
  const change = (
    meant: readonly Place[],
    to: FaultsSource | undefined,
    by: string | undefined,
    log: FastifyBaseLogger,
  ) => {
    for (const place of meant) faults.change(place, to)
    log.warn({ routes: meant, faults: to, by }, to ? 'faults are injected from now on' : 'faults are as the file says')
    return standing()
  }
  const common = { tags: ['administration'], security: [{ [BEARER]: [] }] }
  const config = { auth: 'admin' }

  app.get(
    '/admin/faults',
    {
      config,
      schema: {
        summary: 'Shows what is delayed or aborted on purpose, at the gateway that is asked',
        ...common,
        response: { 200: Standing, ...problemResponses(401, 403) },
      },
    },
    (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return standing()
    },
  )
  app.put(
    '/admin/faults',
    {
      config,
      schema: {
        summary: 'Delays or aborts a share of a route’s requests, in the place of what the file says; neither: none',
        ...common,
        body: Type.Object({ path, method, delay, abort }, closed),
        response: { 200: Standing, ...problemResponses(400, 401, 403, 413, 422) },
      },
    },
    ({ body: { delay, abort, ...of }, identity, log }) =>
      change(places(of), { ...(delay && { delay }), ...(abort && { abort }) }, identity?.subject, log),
  )
  app.delete(
    '/admin/faults',
    {
      config,
      schema: {
        summary: 'Lets what the file says hold again, for a route or for all',
        ...common,
        querystring: Type.Object({ path: Type.Optional(path), method }, closed),
        response: { 200: Standing, ...problemResponses(400, 401, 403, 422) },
      },
    },
    ({ query, identity, log }) => change(places(query), undefined, identity?.subject, log),
  )
}
