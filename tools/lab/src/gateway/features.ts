/** What a route may do beside sending requests on, each alone and the usual ones together: ours, and what others use for it. */

/** Plugins of Fastify; `schema` is its own. */
export type Plugin = 'jwt' | 'limit' | 'schema'

export interface Feature {
  /** The rows' case. */
  readonly name: string
  /** The first segment of its path. */
  readonly at: string
  /** What the routes file says of the route beside its path, method and upstream, and that nothing of it is cached. */
  readonly route: string
  /** Whether its answers are cached. */
  readonly isCached?: boolean
  /** What the usual stack has for it; missing where that is nothing of the kind. */
  readonly usual?: readonly Plugin[]
  /** Sent with each request beside the token. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether no item is asked for twice. */
  readonly isNew?: boolean
}

/** A route that does nothing of the kind: what the others are compared with. */
export const PLAIN = 'public route'
/** Beyond what one core can do, so that nobody is refused. */
const LIMIT = 'limit: { requests: 100000, per: 1s }'
const SCHEMA =
  'request: { query: { type: object, properties: { n: { type: integer, minimum: 0 } }, required: [n], additionalProperties: false } }'
/** The page whose script asks. */
const PAGE = 'https://app.example'
const FIELDS =
  'headers: { request: { set: { x-team: lab } }, response: { set: { x-frame-options: DENY }, remove: [etag] } }'

export const FEATURES: readonly Feature[] = [
  { name: PLAIN, at: 'plain', route: 'auth: public', usual: [] },
  { name: 'auth', at: 'auth', route: 'auth: signed-in', usual: ['jwt'] },
  { name: 'limit', at: 'limit', route: `auth: public, ${LIMIT}`, usual: ['limit'] },
  { name: 'schema', at: 'schema', route: `auth: public, ${SCHEMA}`, usual: ['schema'] },
  { name: 'fields', at: 'fields', route: `auth: public, ${FIELDS}` },
  { name: 'CORS', at: 'cors', route: `auth: public, cors: { origins: ["${PAGE}"] }`, headers: { origin: PAGE } },
  {
    name: 'auth, limit, schema',
    at: 'usual',
    route: `auth: signed-in, ${LIMIT}, ${SCHEMA}`,
    usual: ['jwt', 'limit', 'schema'],
  },
  { name: 'cache hit', at: 'hit', route: 'auth: public', isCached: true },
  { name: 'cache miss', at: 'miss', route: 'auth: public', isCached: true, isNew: true },
]

/** As the routes file has it. */
export const routeOf = ({ at, route, isCached = false }: Feature) =>
  `path: "/${at}/{key}", methods: [GET], ${route}, cache: ${isCached ? '{ scope: public }' : 'none'}`
