/** `/upstreams`: every endpoint's condition and why, what passes through it, and what an operator does about it. */
import { hash } from 'node:crypto'
import type { Cluster, Clusters } from '@spillway/clusters'
import { Problem } from '@spillway/service'
import type { EndpointView } from '@spillway/upstreams'
import { Type } from 'typebox'
import type { App } from '../admin.ts'
import { adminProblems, refused } from '../errors.ts'

export const Endpoint = Type.Object(
  {
    id: Type.String({ description: 'Made of cluster and origin: the same after a restart, and in every balancer' }),
    cluster: Type.String(),
    origin: Type.String(),
    condition: Type.Enum(['starting', 'up', 'down', 'ejected']),
    reason: Type.Optional(Type.String({ description: 'Why it is down or ejected' })),
    ejectedForS: Type.Optional(Type.Number({ description: 'Seconds until the ejection is over' })),
    intent: Type.Enum(['active', 'draining']),
    drained: Type.Boolean({ description: 'An operator drains it; where it drains without that, it says so itself' }),
    available: Type.Boolean({ description: 'It would be chosen now' }),
    weight: Type.Number(),
    ramp: Type.Number({ description: 'How much of the weight counts yet: 0.1 to 1, in slow start' }),
    backup: Type.Boolean({ description: 'It is asked only while no other is usable' }),
    max: Type.Optional(Type.Number({ description: 'Requests that it may have at once' })),
    inFlight: Type.Number({ description: 'Requests sent and not yet answered to their end' }),
    requests: Type.Number({ description: 'Answered or failed since it is known' }),
    failures: Type.Number(),
    latencyMs: Type.Optional(
      Type.Number({ description: 'Mean milliseconds to the answer’s head over the last 10 s; absent without answers' }),
    ),
  },
  { $id: 'Endpoint', title: 'Endpoint' },
)
export type Endpoint = EndpointView & { readonly id: string; readonly cluster: string }
const EndpointRef = Type.Unsafe<Endpoint>({ $ref: 'Endpoint#', description: 'As it is now' })

const DOINGS = {
  drain: 'Sends it nothing more; what it has ends',
  undrain: 'Takes back a drain, and an ejection, whoever ejected it',
  eject: 'Takes it out for 30 s, n times as long at the n-th time (300 s at most), as failures would',
} as const

const Id = Type.Object({ id: Type.String() })
/** Nothing is said in it; it may be left out. */
const Nothing = Type.Object({}, { additionalProperties: false })
const Weight = Type.Object(
  { weight: Type.Number({ exclusiveMinimum: 0, maximum: 1000, description: 'Its share beside the others’ weights' }) },
  { additionalProperties: false },
)

export function upstreamsRoutes(app: App, clusters: Clusters): void {
  app.get(
    '/upstreams',
    {
      schema: {
        summary: 'Lists the endpoints of all clusters',
        response: { 200: Type.Object({ available: Type.Integer(), endpoints: Type.Array(EndpointRef) }) },
      },
    },
    () => {
      const all = clusters.all()
      return {
        available: all.reduce((sum, { upstreams }) => sum + upstreams.available, 0),
        endpoints: all.flatMap(endpointsOf),
      }
    },
  )
  app.get(
    '/upstreams/:id',
    { schema: { summary: 'Shows one endpoint', params: Id, response: { 200: EndpointRef, ...refused } } },
    ({ params }) => find(clusters, params.id).endpoint,
  )
  /** What is done to an endpoint, and then how it is. */
  const act = (id: string, doing: (upstreams: Cluster['upstreams'], origin: string) => unknown): Endpoint => {
    const { cluster, endpoint } = find(clusters, id)
    doing(cluster.upstreams, endpoint.origin)
    return find(clusters, id).endpoint
  }
  const response = { 200: EndpointRef, ...refused }
  for (const doing of Object.keys(DOINGS) as (keyof typeof DOINGS)[]) {
    app.post(
      `/upstreams/:id/${doing}`,
      { schema: { summary: DOINGS[doing], params: Id, body: Nothing, response } },
      ({ params }) => act(params.id, (upstreams, origin) => upstreams[doing](origin)),
    )
  }
  app.post(
    '/upstreams/:id/weight',
    { schema: { summary: 'Gives it another weight', params: Id, body: Weight, response } },
    ({ params, body }) => act(params.id, (upstreams, origin) => upstreams.weigh(origin, body.weight)),
  )
}

/** A cluster's endpoints as this port shows them. */
export function endpointsOf({ name, upstreams }: Pick<Cluster, 'name' | 'upstreams'>): Endpoint[] {
  return upstreams.endpoints().map(({ ramp, latencyMs, ...view }) => ({
    ...view,
    id: idOf(name, view.origin),
    cluster: name,
    ramp: Number(ramp.toFixed(3)),
    latencyMs: latencyMs === undefined ? undefined : Number(latencyMs.toFixed(3)),
  }))
}

/** 48 bits: of a thousand endpoints, two have the same in one of 560 million balancers. */
export function idOf(cluster: string, origin: string): string {
  return hash('sha256', `${cluster} ${origin}`).slice(0, 12)
}

function find(clusters: Clusters, id: string): { cluster: Cluster; endpoint: Endpoint } {
  for (const cluster of clusters.all()) {
    const endpoint = endpointsOf(cluster).find((each) => each.id === id)
    if (endpoint) return { cluster, endpoint }
  }
  const detail = `${JSON.stringify(id)} is no endpoint’s id; GET /upstreams lists those that are known now`
  throw new Problem(adminProblems.upstream_unknown, { detail })
}
