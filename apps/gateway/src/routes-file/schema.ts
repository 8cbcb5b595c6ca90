/** The routes file's shape: what `gateway.routes.yaml` may say. Extended by addition only. */
import { choice, duration, routeTask, size, text } from '@spillway/service'
import { type Static, Type } from 'typebox'
import { Access } from './access.ts'
import { Caching } from './caching.ts'
import { Cors } from './cors.ts'
import { Interceptors } from './interceptors.ts'
import { jsonSchema, Parameters } from './json-schema.ts'
import { METHODS } from './methods.ts'
import { PLAIN, SEGMENT } from './path.ts'
import { Rewrite } from './rewrite.ts'

const Upstream = Type.Object({
  endpoints: text({
    about: `Comma-separated origins, or dns+http://name:port; \${NAME} stands for a setting or an environment variable.`,
  }),
  check: Type.Optional(
    Type.String({
      pattern: `^(none|/|(/${PLAIN})+)$`,
      wants: 'a path such as /ready, which a usable endpoint answers with 200, or none',
    }),
  ),
})

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
  cache: Type.Optional(
    Type.Union([Type.Literal('none'), Caching], {
      wants: 'none, or { scope: public }, { scope: role } or { scope: user }',
    }),
  ),
  identity: Type.Optional(choice(['none', 'forward'], { about: 'Whether `Authorization` goes on.', default: 'none' })),
  timeout: Type.Optional(duration({ about: 'How long the upstream may take to begin its answer.', default: '15s' })),
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
  upstreams: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), Upstream, {
    wants: 'names of lower-case letters, digits and hyphens',
  }),
  routes: Type.Array(RouteSource, { minItems: 1, wants: 'a list of at least one route' }),
})
export type RoutesSource = Static<typeof RoutesSource>
