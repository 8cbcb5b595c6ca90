/** What a route may do beside sending requests on, each alone and the usual ones together: ours, and what others use for it. */

/** Plugins of Fastify; `schema` is its own. */
export type Plugin = 'jwt' | 'limit' | 'schema'

export interface Feature {
  /** The rows' case. */
  readonly name: string
  /** The first segment of its path. */
  readonly at: string
  /** What the routes file says of the route beside its path, method and upstream. */
  readonly route: string
  /** What the usual stack has for it; missing where that is nothing of the kind. */
  readonly usual?: readonly Plugin[]
  /** Whether no item is asked for twice. */
  readonly isNew?: boolean
}

/** A route that does nothing of the kind: what the others are compared with. */
export const PLAIN = 'public route'
const SCHEMA =
  'request: { query: { type: object, properties: { n: { type: integer, minimum: 0 } }, required: [n], additionalProperties: false } }'
const FIELDS =
  'headers: { request: { set: { x-team: lab } }, response: { set: { x-frame-options: DENY }, remove: [etag] } }'

export const FEATURES: readonly Feature[] = [
  { name: PLAIN, at: 'plain', route: 'auth: public', usual: [] },
  { name: 'auth', at: 'auth', route: 'auth: signed-in', usual: ['jwt'] },
  { name: 'schema', at: 'schema', route: `auth: public, ${SCHEMA}`, usual: ['schema'] },
  { name: 'fields', at: 'fields', route: `auth: public, ${FIELDS}` },
  {
    name: 'auth, schema',
    at: 'usual',
    route: `auth: signed-in, ${SCHEMA}`,
    usual: ['jwt', 'schema'],
  },
  { name: 'cache hit', at: 'hit', route: 'auth: public, cache: { scope: public }' },
  { name: 'cache miss', at: 'miss', route: 'auth: public, cache: { scope: public }', isNew: true },
]

/** As the routes file has it. */
export const routeOf = ({ at, route }: Feature) => `path: "/${at}/{key}", methods: [GET], ${route}`
