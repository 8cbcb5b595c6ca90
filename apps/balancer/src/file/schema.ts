/** What `balancer.yaml` may say: the shape of its clusters and routes. */
import { CLUSTER_NAME, ClusterSource, WANTED_CLUSTER_NAME } from '@spillway/clusters'
import { cidr, routeTask } from '@spillway/service'
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false }
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
    ...routeTask,
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
