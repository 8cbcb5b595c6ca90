/** What `balancer.yaml` may say: the shape of its clusters and routes. */
import { CLUSTER_NAME, ClusterSource, WANTED_CLUSTER_NAME } from '@spillway/clusters'
import { cidr, fieldName, fields } from '@spillway/service'
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false }
const whole = (minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, wants: `a whole number from ${minimum} to ${maximum}` })

const HeaderChanges = Type.Object(
  {
    set: Type.Optional(fields),
    remove: Type.Optional(Type.Array(fieldName, { wants: 'a list of names' })),
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
          Type.String({ pattern: CLUSTER_NAME }),
          Type.Record(Type.String({ pattern: CLUSTER_NAME }), Type.Number({ minimum: 0, wants: 'a number from 0' }), {
            ...closed,
            wants: WANTED_CLUSTER_NAME,
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
    clusters: Type.Record(Type.String({ pattern: CLUSTER_NAME }), ClusterSource, {
      ...closed,
      wants: WANTED_CLUSTER_NAME,
    }),
    routes: Type.Array(Route, { minItems: 1, wants: 'a list of at least one route' }),
  },
  closed,
)
export type BalancerFile = Static<typeof BalancerFile>
export type RouteSource = Static<typeof Route>
