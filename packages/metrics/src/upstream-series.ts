/** The series of upstreams whose figures are kept elsewhere, read whenever they are asked for. */
import type { Counter, Registry } from 'prom-client'

/** What is read of an endpoint. */
interface Viewed {
  readonly origin: string
  readonly condition: string
  readonly intent: string
  readonly available: boolean
  readonly inFlight: number
  /** Totals, which only grow while there is such an endpoint. */
  readonly requests: number
  readonly failures: number
  readonly latencyMs: number | undefined
}

type Counts = Readonly<Record<string, number>>

/** What is read of a cluster besides; all but what is left and open are totals. */
interface Stats {
  readonly pending: number
  readonly rejected: Counts
  readonly ejections: Counts
  readonly retriesLeft: number
  readonly lookups: Counts
  readonly endpoints: readonly EndpointStats[]
}

interface EndpointStats {
  readonly origin: string
  readonly opened: number
  readonly connections: number
  readonly heads: { readonly boundsMs: readonly number[]; readonly counts: readonly number[]; readonly sumMs: number }
}

export interface Measured {
  endpoints(): readonly Viewed[]
  stats(): Stats
}

/** What is heard of an endpoint; that it is `absent` now is the last. */
export interface Changed {
  readonly endpoint: string
  readonly from: string
  readonly to: string
  readonly reason: string
}

export interface Cluster {
  readonly name: string
  readonly now: () => Measured | undefined
  /** By endpoint, then by what changed. */
  readonly changes: Map<string, Map<string, { changed: Changed; count: number }>>
}

/** A value and its labels beside `upstream`; of a histogram, which of its series. */
type Sample = readonly [value: number | undefined, labels: Record<string, string | number>, series?: string | undefined]
type Samples = (of: Measured, changes: Cluster['changes']) => readonly Sample[]

const endpoints =
  (value: (endpoint: Viewed) => Sample[0]): Samples =>
  (of) =>
    of.endpoints().map((each) => [value(each), { endpoint: each.origin }])
const stats =
  (samples: (endpoint: EndpointStats) => readonly Sample[]): Samples =>
  (of) =>
    of
      .stats()
      .endpoints.flatMap((each) =>
        samples(each).map(([value, labels, series]) => [value, { endpoint: each.origin, ...labels }, series] as const),
      )

const by =
  (label: string, counts: (stats: Stats) => Counts): Samples =>
  (of) =>
    Object.entries(counts(of.stats())).map(([value, count]) => [count, { [label]: value }])

const READ: readonly [name: string, type: 'gauge' | 'counter' | 'histogram', help: string, samples: Samples][] = [
  [
    'spillway_upstream_condition',
    'gauge',
    '1 for the condition each endpoint is in.',
    (of) =>
      of.endpoints().map(({ origin, condition, intent }) => [1, { endpoint: origin, condition: condition, intent }]),
  ],
  [
    'spillway_upstream_available',
    'gauge',
    'Whether the endpoint would be chosen now.',
    endpoints(({ available }) => Number(available)),
  ],
  [
    'spillway_upstream_in_flight',
    'gauge',
    'Requests sent and not yet answered to their end.',
    endpoints(({ inFlight }) => inFlight),
  ],
  [
    'spillway_upstream_latency_seconds',
    'gauge',
    'Mean time to the answer’s headers over the last 10 s.',
    endpoints(({ latencyMs }) => (latencyMs === undefined ? undefined : latencyMs / 1000)),
  ],
  [
    'spillway_upstream_requests_total',
    'counter',
    'Requests answered or failed.',
    endpoints(({ requests }) => requests),
  ],
  ['spillway_upstream_failures_total', 'counter', 'Requests that failed.', endpoints(({ failures }) => failures)],
  [
    'spillway_upstream_transitions_total',
    'counter',
    'Changes of an endpoint’s condition or intent, and of whether a name resolves.',
    (_, changes) =>
      [...changes.values()].flatMap((kinds) =>
        [...kinds.values()].map(({ changed: { endpoint, from, to, reason }, count }) => [
          count,
          { endpoint, from, to, reason },
        ]),
      ),
  ],
  [
    'spillway_upstream_head_seconds',
    'histogram',
    'Time to the answer’s headers, of requests that got one.',
    stats(({ heads }) => spread(heads)),
  ],
  [
    'spillway_upstream_connections',
    'gauge',
    'Connections to the endpoint that are open.',
    stats(({ connections }) => [[connections, {}]]),
  ],
  [
    'spillway_upstream_connections_opened_total',
    'counter',
    'Connections opened; what is more in requests was sent over one that was open.',
    stats(({ opened }) => [[opened, {}]]),
  ],
  [
    'spillway_upstream_retry_budget',
    'gauge',
    'Retries that the budget allows now.',
    (of) => [[of.stats().retriesLeft, {}]],
  ],
  [
    'spillway_upstream_pending',
    'gauge',
    'Requests that wait for an endpoint to have room.',
    (of) => [[of.stats().pending, {}]],
  ],
  [
    'spillway_upstream_rejected_total',
    'counter',
    'Requests refused because the cluster had too much to do, by the limit that was reached.',
    by('limit', ({ rejected }) => rejected),
  ],
  [
    'spillway_upstream_ejections_total',
    'counter',
    'Endpoints taken out, by why.',
    by('reason', ({ ejections }) => ejections),
  ],
  [
    'spillway_upstream_lookups_total',
    'counter',
    'DNS lookups of the endpoints’ names.',
    by('outcome', ({ lookups }) => lookups),
  ],
]

/** A histogram as Prometheus has it: seconds, and each bucket with all that are before it. */
function spread({ boundsMs, counts, sumMs }: EndpointStats['heads']): Sample[] {
  let count = 0
  const buckets = counts.map((more, at): Sample => {
    count += more
    const bound = boundsMs[at]
    return [count, { le: bound === undefined ? '+Inf' : bound / 1000 }, '_bucket']
  })
  return [...buckets, [sumMs / 1000, {}, '_sum'], [count, {}, '_count']]
}

/** A registry asks a metric for no more than this; prom-client's own cannot be told what was counted elsewhere. */
export function read(registry: Registry, clusters: readonly Cluster[]): void {
  for (const [name, type, help, samples] of READ) {
    const values = () =>
      clusters.flatMap(({ name: upstream, now, changes }) => {
        const measured = now()
        return (measured ? samples(measured, changes) : []).flatMap(([value, labels, series = '']) =>
          value === undefined ? [] : [{ value, labels: { upstream, ...labels }, metricName: name + series }],
        )
      })
    const get = async () => ({ name, help, type, values: values(), aggregator: 'sum' })
    registry.registerMetric({ name, help, type, get } as unknown as Counter)
  }
}
