/** The series of upstreams whose figures are kept elsewhere, read whenever they are asked for. */
import type { ClusterStats, EndpointView, Transition, Upstreams } from '@spillway/upstreams'
import type { Counter, Registry } from 'prom-client'

/** What a cluster shows: an `Upstreams`. */
export type Measured = Pick<Upstreams, 'endpoints' | 'stats'>
type Endpoint = EndpointView & ClusterStats['endpoints'][number]

export interface Cluster {
  readonly name: string
  readonly now: () => Measured | undefined
  /** By endpoint, then by what changed. */
  readonly changes: Map<string, Map<string, { changed: Transition; count: number }>>
}

/** By name: what it says, and its value of each endpoint. */
const OF_ENDPOINTS: Record<string, readonly [help: string, value: (endpoint: Endpoint) => number | undefined]> = {
  spillway_upstream_available: ['Whether the endpoint would be chosen now.', ({ available }) => Number(available)],
  spillway_upstream_in_flight: ['Requests sent and not yet answered to their end.', ({ inFlight }) => inFlight],
  spillway_upstream_latency_seconds: [
    'Mean time to the answer’s headers over the last 10 s.',
    ({ latencyMs }) => (latencyMs === undefined ? undefined : latencyMs / 1000),
  ],
  spillway_upstream_requests_total: ['Requests answered or failed.', ({ requests }) => requests],
  spillway_upstream_failures_total: ['Requests that failed.', ({ failures }) => failures],
  spillway_upstream_connections: ['Connections to the endpoint that are open.', ({ connections }) => connections],
  spillway_upstream_connections_opened_total: ['Connections opened for requests.', ({ opened }) => opened],
}

/** By name: what it says, the label that tells several values apart, and the value or values of each cluster. */
const OF_CLUSTERS: Record<
  string,
  readonly [help: string, label: string, value: (stats: ClusterStats) => number | Readonly<Record<string, number>>]
> = {
  spillway_upstream_pending: ['Requests that wait for an endpoint to have room.', '', ({ pending }) => pending],
  spillway_upstream_rejected_total: ['Requests refused, by the limit reached.', 'limit', ({ rejected }) => rejected],
  spillway_upstream_ejections_total: ['Endpoints taken out, by why.', 'reason', ({ ejections }) => ejections],
  spillway_upstream_lookups_total: ['DNS lookups of the endpoints’ names.', 'outcome', ({ lookups }) => lookups],
  spillway_upstream_retry_budget: ['Retries that the budget allows now.', '', ({ retriesLeft }) => retriesLeft],
}

/** A value and its labels beside `upstream`; of a histogram, which of its series. */
type Sample = readonly [value: number | undefined, labels: Record<string, string | number>, series?: string]

/** Registers what is read of each cluster that is there when it is asked for. */
export function read(registry: Registry, clusters: readonly Cluster[]): void {
  const register = (
    name: string,
    help: string,
    samples: (of: Measured, changes: Cluster['changes']) => readonly Sample[],
    type = name.endsWith('_total') ? 'counter' : 'gauge',
  ) => {
    const values = () =>
      clusters.flatMap(({ name: upstream, now, changes }) => {
        const measured = now()
        return (measured ? samples(measured, changes) : []).flatMap(([value, labels, series = '']) =>
          value === undefined ? [] : [{ value, labels: { upstream, ...labels }, metricName: name + series }],
        )
      })
    const get = async () => ({ name, help, type, values: values(), aggregator: 'sum' })
    // A registry asks a metric for no more than this; prom-client's own cannot be told what was counted elsewhere.
    registry.registerMetric({ name, help, type, get } as unknown as Counter)
  }
  register('spillway_upstream_condition', '1 for the condition each endpoint is in.', (of) =>
    of.endpoints().map(({ origin: endpoint, condition, intent }) => [1, { endpoint, condition, intent }]),
  )
  register(
    'spillway_upstream_transitions_total',
    'Changes of an endpoint’s condition or intent, and of whether a name resolves.',
    (_, changes) =>
      [...changes.values()]
        .flatMap((kinds) => [...kinds.values()])
        .map(({ changed: { endpoint, from, to, reason }, count }) => [count, { endpoint, from, to, reason }]),
  )
  register(
    'spillway_upstream_head_seconds',
    'Time to the answer’s headers, of requests that got one.',
    (of) => each(of).flatMap(spread),
    'histogram',
  )
  for (const [name, [help, value]] of Object.entries(OF_ENDPOINTS)) {
    register(name, help, (of) => each(of).map((endpoint) => [value(endpoint), { endpoint: endpoint.origin }]))
  }
  for (const [name, [help, label, value]] of Object.entries(OF_CLUSTERS)) {
    register(name, help, (of) => {
      const values = value(of.stats())
      if (typeof values === 'number') return [[values, {}]]
      return Object.entries(values).map(([kind, count]) => [count, { [label]: kind }])
    })
  }
}

/** Both list the endpoints of this moment, in one order. */
function each(of: Measured): Endpoint[] {
  const views = of.endpoints()
  return of.stats().endpoints.map((stats, at) => ({ ...(views[at] as EndpointView), ...stats }))
}

/** A histogram as Prometheus has it: seconds, and each bucket with all that are before it. */
function spread({ origin: endpoint, heads: { coarse, sumMs } }: Endpoint): Sample[] {
  let count = 0
  const buckets = coarse.counts.map((more, at): Sample => {
    count += more
    const bound = coarse.boundsMs[at]
    return [count, { endpoint, le: bound === undefined ? '+Inf' : bound / 1000 }, '_bucket']
  })
  return [...buckets, [sumMs / 1000, { endpoint }, '_sum'], [count, { endpoint }, '_count']]
}
