/** The routes file's shape: what `gateway.routes.yaml` may say. Extended by addition only. */
import { CLUSTER_NAME, WANTED_CLUSTER_NAME } from '@spillway/clusters'
import { choice, duration, routeTask, size, text } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { Access } from './access.ts'
import { Caching } from './caching.ts'
import { Cors } from './cors.ts'
import { FaultsSource } from './faults.ts'
import { Interceptors } from './interceptors.ts'
import { jsonSchema, Parameters } from './json-schema.ts'
import { Limits } from './limit.ts'
import { METHODS } from './methods.ts'
import { SEGMENT } from './path.ts'
import { Rewrite } from './rewrite.ts'
import { Upstream } from './upstreams.ts'
import { WebSocketAllowed } from './websocket.ts'

export const RouteSource = Type.Object({
  path: Type.String({
    pattern: `^(/|(/${SEGMENT})+)$`,
    wants: 'a path such as /data/{key}, whose segments are letters, digits and . _ ~ - or a {name}',
  }),
  methods: Type.Array(METHODS, {
    minItems: 1,
    wants: 'a list such as [GET, PUT]; HEAD goes with GET',
  }),
  upstream: Type.Optional(text({ about: 'One of `upstreams`.' })),
  ...routeTask,
  auth: Access,
  interceptors: Type.Optional(Interceptors),
  mount: Type.Optional(
    text({ about: `The upstream's path that \`path\` and what is below it lead to; \${NAME} as in endpoints.` }),
  ),
  rewrite: Type.Optional(Rewrite),
  cors: Type.Optional(Cors),
  faults: Type.Optional(FaultsSource),
  websocket: Type.Optional(WebSocketAllowed),
  cache: Type.Optional(
    Type.Union([Type.Literal('none'), Caching], {
      wants: 'none, or { scope: public }, { scope: role } or { scope: user }',
    }),
  ),
  limit: Type.Optional(Limits),
  identity: Type.Optional(choice(['none', 'forward'], { about: 'Whether `Authorization` goes on.', default: 'none' })),
  timeout: Type.Optional(duration({ about: 'How long the upstream may take to begin its answer.', default: '15s' })),
  retries: Type.Optional(
    choice(['once', 'none'], {
      about: 'Whether it is sent again, to another endpoint, where that is safe.',
      default: 'once',
    }),
  ),
  bodyLimit: Type.Optional(
    size({ about: 'The longest body taken; the body is then read whole before it is sent on.' }),
  ),
  summary: Type.Optional(text({ about: 'One line for OpenAPI.' })),
  description: Type.Optional(text({ about: 'For OpenAPI.' })),
  request: Type.Optional(
    Type.Object({
      params: Type.Optional(Parameters),
      query: Type.Optional(Parameters),
      body: Type.Optional(jsonSchema()),
    }),
  ),
  responses: Type.Optional(
    Type.Record(
      Type.String({ pattern: '^[1-5][0-9][0-9]$' }),
      Type.Object({ description: text({ about: 'For OpenAPI.' }), schema: Type.Optional(jsonSchema()) }),
      { wants: 'statuses such as 200' },
    ),
  ),
})
export type RouteSource = Static<typeof RouteSource>

export const RoutesSource = Type.Object({
  upstreams: Type.Record(Type.String({ pattern: CLUSTER_NAME }), Upstream, { wants: WANTED_CLUSTER_NAME }),
  routes: Type.Array(RouteSource, { minItems: 1, wants: 'a list of at least one route' }),
})
export type RoutesSource = Static<typeof RoutesSource>
