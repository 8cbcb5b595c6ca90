/** What `balancer.yaml` may say: the shape of its clusters and routes. */
import { cidr, origin } from '@spillway/service'
import { policyNames } from '@spillway/upstreams'
import { type Static, Type } from 'typebox'
import { HASH_KEY, WANTED_HASH_KEY } from '../hash-key.ts'

const closed = { additionalProperties: false }
const whole = (minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, wants: `a whole number from ${minimum} to ${maximum}` })
const text = (wants = 'a text that is not empty') => Type.String({ minLength: 1, wants })

export const NAME = '^[a-z][a-z0-9-]{0,62}$'
const WANTED_NAME = 'names of lower-case letters, digits and hyphens'
/** RFC 9110, 5.6.2 and 5.5. */
const TOKEN = "^[\\w!#$%&'*+.^`|~-]+$"
const fieldValue = Type.String({ pattern: '^[\\t\\x20-\\x7e\\x80-\\xff]*$', wants: 'a text of one line' })
const fields = Type.Record(Type.String({ pattern: TOKEN }), fieldValue, { ...closed, wants: 'names of header fields' })

const url = origin({ about: 'An origin, or dns+http://name:port for each address of the name.' })
const Endpoint = Type.Union(
  [
    url,
    Type.Object(
      {
        url,
        weight: Type.Optional(
          Type.Number({ exclusiveMinimum: 0, maximum: 1000, wants: 'a number above 0, at most 1000' }),
        ),
        backup: Type.Optional(Type.Boolean({ wants: 'true or false' })),
        max: Type.Optional(whole(1, 1_000_000)),
      },
      closed,
    ),
  ],
  { wants: 'an origin such as http://127.0.0.1:9001, or a mapping of url, weight, backup, max' },
)

const status = Type.Union([whole(200, 599), Type.String({ pattern: '^[2-5]\\d\\d(-[2-5]\\d\\d)?$' })], {
  wants: 'a status such as 200, or a range such as 200-299',
})
const checkPath = Type.String({ pattern: '^/[!-"$-~]*$', wants: 'a path such as /ready' })
const Check = Type.Union(
  [
    Type.Literal(false),
    Type.Object(
      {
        path: Type.Optional(checkPath),
        status: Type.Optional(Type.Array(status, { minItems: 1, wants: 'a list of statuses' })),
        headers: Type.Optional(fields),
        body: Type.Optional(text()),
        port: Type.Optional(whole(1, 65_535)),
      },
      closed,
    ),
  ],
  { wants: 'false, or a mapping of path, status, headers, body, port' },
)

const bound = Type.Optional(whole(1, 1_000_000))
const file = Type.Optional(text('the name of a PEM file'))
const Cluster = Type.Object(
  {
    endpoints: Type.Array(Endpoint, { minItems: 1, wants: 'a list of at least one origin' }),
    policy: Type.Optional(
      Type.String({
        pattern: `^(${policyNames.join('|')}|\\.{0,2}/.+)$`,
        wants: `one of ${policyNames.join(', ')}, or a file of one’s own such as ./mine.ts`,
      }),
    ),
    hash: Type.Optional(Type.String({ pattern: HASH_KEY, wants: WANTED_HASH_KEY })),
    check: Type.Optional(Check),
    limits: Type.Optional(Type.Object({ connections: bound, pending: bound, requests: bound }, closed)),
    tls: Type.Optional(Type.Object({ ca: file, cert: file, key: file, servername: Type.Optional(text()) }, closed)),
  },
  closed,
)

const HeaderChanges = Type.Object(
  {
    set: Type.Optional(fields),
    remove: Type.Optional(
      Type.Array(Type.String({ pattern: TOKEN, wants: 'the name of a header field' }), { wants: 'a list of names' }),
    ),
  },
  closed,
)
const location = Type.String({
  pattern: '^(?=[!-~]+$)(?!.*[^/]\\*$)(https?://[^*]+|/(?![/\\\\])[^*]*)\\*?$',
  wants: 'a URL such as https://shop.example/new or a path; with /* at its end for the rest of the request’s path',
})
const cidrs = Type.Array(cidr({ about: 'An address, or many.' }), { wants: 'a list of addresses and CIDRs' })

const Route = Type.Object(
  {
    host: Type.Optional(
      Type.String({
        pattern: '^((\\*\\.)?[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*|\\[[0-9A-Fa-f:.]+\\])$',
        wants: 'a host without its port such as shop.example, or *.shop.example for all below it',
      }),
    ),
    path: Type.Optional(
      Type.String({
        // No second spelling: no escapes, doubled slashes and dot segments.
        pattern: "^(/(?!\\.\\.?(/|$))[\\w.~!$&'()*+,=:@-]+)*/?$",
        minLength: 1,
        wants: 'a path such as /api, written plainly: no %, no //, no segments . and ..',
      }),
    ),
    to: Type.Optional(
      Type.Union(
        [
          Type.String({ pattern: NAME }),
          Type.Record(Type.String({ pattern: NAME }), Type.Number({ minimum: 0, wants: 'a number from 0' }), {
            ...closed,
            wants: WANTED_NAME,
          }),
        ],
        { wants: 'the name of a cluster, or names with their weights such as { shop: 95, shop-canary: 5 }' },
      ),
    ),
    redirect: Type.Optional(
      Type.Object(
        {
          to: location,
          status: Type.Optional(
            Type.Enum([301, 302, 303, 307, 308], { wants: 'one of 301, 302, 303, 307, 308', default: 307 }),
          ),
        },
        closed,
      ),
    ),
    answer: Type.Optional(
      Type.Object(
        {
          status: Type.Optional(whole(200, 599)),
          body: Type.Optional(Type.String({ wants: 'a text' })),
          headers: Type.Optional(fields),
        },
        closed,
      ),
    ),
    headers: Type.Optional(
      Type.Object({ request: Type.Optional(HeaderChanges), response: Type.Optional(HeaderChanges) }, closed),
    ),
    allow: Type.Optional(cidrs),
    deny: Type.Optional(cidrs),
  },
  closed,
)

export const BalancerFile = Type.Object(
  {
    clusters: Type.Record(Type.String({ pattern: NAME }), Cluster, { ...closed, wants: WANTED_NAME }),
    routes: Type.Array(Route, { minItems: 1, wants: 'a list of at least one route' }),
  },
  closed,
)
export type BalancerFile = Static<typeof BalancerFile>
export type ClusterSource = Static<typeof Cluster>
export type RouteSource = Static<typeof Route>
