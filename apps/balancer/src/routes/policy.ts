/** `/policy`: how each cluster chooses among its endpoints, changed while requests pass. */
import type { Clusters } from '@spillway/clusters'
import { Problem } from '@spillway/service'
import { policyNames } from '@spillway/upstreams'
import { Type } from 'typebox'
import type { App } from '../admin.ts'
import { adminProblems, refused } from '../errors.ts'

const Policies = Type.Record(Type.String(), Type.String(), {
  description: 'By cluster; `own` is one that the configuration loads from a file',
})
const Body = Type.Object({ policy: Type.Enum([...policyNames]) }, { additionalProperties: false })
const Which = Type.Object(
  { cluster: Type.Optional(Type.String({ description: 'The one to change; without it, all are' })) },
  { additionalProperties: false },
)

export function policyRoutes(app: App, clusters: Clusters): void {
  const now = () => Object.fromEntries(clusters.all().map(({ name, upstreams }) => [name, upstreams.policy]))
  app.get('/policy', { schema: { summary: 'Shows each cluster’s policy', response: { 200: Policies } } }, now)
  app.put(
    '/policy',
    {
      schema: {
        summary: 'Changes the policy of a cluster, or of all; what was counted and measured of the endpoints stays',
        querystring: Which,
        body: Body,
        response: { 200: Policies, ...refused },
      },
    },
    ({ query: { cluster }, body: { policy } }) => {
      const chosen = clusters.all().filter(({ name }) => name === (cluster ?? name))
      if (chosen.length === 0) {
        const detail = `${JSON.stringify(cluster)} is no cluster; there are ${Object.keys(now()).join(', ')}`
        throw new Problem(adminProblems.cluster_unknown, { detail })
      }
      for (const { upstreams } of chosen) upstreams.usePolicy(policy)
      return now()
    },
  )
}
