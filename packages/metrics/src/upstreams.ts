/** What an operator wants to see of each endpoint of a process's upstreams, as `spillway_upstream_*` metrics. */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Dispatcher } from 'undici'

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

/** What is heard of an endpoint; that it is `absent` now is the last. */
interface Changed {
  readonly endpoint: string
  readonly from: string
  readonly to: string
  readonly reason: string
}

interface Dispatched {
  /** Set where a request is sent again: the endpoints that had it. */
  exchange?: { tried?: readonly string[] | undefined } | undefined
}

/** Of one cluster. */
export interface MeasuredUpstreams {
  /** To be told of each change. */
  readonly transition: (changed: Changed) => void
  /** An interceptor for inside of what retries: it sees each attempt, and at a second one which endpoints were tried. */
  readonly countRetries: Dispatcher.DispatcherComposeInterceptor
}

interface Cluster {
  readonly name: string
  readonly endpoints: () => readonly Viewed[]
  /** By endpoint, then by what changed. */
  readonly changes: Map<string, Map<string, { changed: Changed; count: number }>>
}

const CLUSTER = ['upstream'] as const
const ENDPOINT = [...CLUSTER, 'endpoint'] as const

/**
 * Registers `spillway_upstream_{condition, available, in_flight, latency_seconds, requests_total, failures_total,
 * transitions_total}{upstream, endpoint}` and `spillway_upstream_retries_total{upstream}`; once for a registry. Of an
 * endpoint that left nothing remains; if it comes back, its totals begin anew.
 * @returns what adds a cluster: its name, and what gives the endpoints it has at the time
 */
export function measureUpstreams(registry: Registry) {
  const clusters: Cluster[] = []
  const retries = register(registry, clusters)

  return (name: string, endpoints: () => readonly Viewed[]): MeasuredUpstreams => {
    const changes: Cluster['changes'] = new Map()
    clusters.push({ name, endpoints, changes })
    const retried = retries.labels(name)
    // A series from the start: what appears with its first retry has no increase to be seen.
    retried.inc(0)
    return {
      transition(changed) {
        const { endpoint, from, to, reason } = changed
        if (to === 'absent') {
          changes.delete(endpoint)
          return
        }
        const ofEndpoint = changes.get(endpoint) ?? new Map<string, { changed: Changed; count: number }>()
        changes.set(endpoint, ofEndpoint)
        const kind = JSON.stringify([from, to, reason])
        ofEndpoint.set(kind, { changed, count: (ofEndpoint.get(kind)?.count ?? 0) + 1 })
      },
      countRetries: (dispatch) => (options, handler) => {
        if ((options as Dispatched).exchange?.tried?.length) retried.inc()
        return dispatch(options, handler)
      },
    }
  }
}

/** All but the retries are read when asked for. */
function register(registry: Registry, clusters: readonly Cluster[]): Counter<'upstream'> {
  const registers = [registry]
  const each = (visit: (cluster: string, endpoint: Viewed) => void) => {
    for (const { name, endpoints } of clusters) for (const endpoint of endpoints()) visit(name, endpoint)
  }
  new Gauge({
    name: 'spillway_upstream_condition',
    help: '1 for the condition each endpoint is in.',
    labelNames: [...ENDPOINT, 'condition', 'intent'] as const,
    registers,
    collect() {
      this.reset()
      each((cluster, { origin, condition, intent }) => this.labels(cluster, origin, condition, intent).set(1))
    },
  })
  const gauge = (name: string, help: string, read: (endpoint: Viewed) => number | undefined) =>
    new Gauge({
      name,
      help,
      labelNames: ENDPOINT,
      registers,
      collect() {
        this.reset()
        each((cluster, endpoint) => {
          const value = read(endpoint)
          if (value !== undefined) this.labels(cluster, endpoint.origin).set(value)
        })
      },
    })
  gauge('spillway_upstream_available', 'Whether the endpoint would be chosen now.', ({ available }) =>
    Number(available),
  )
  gauge('spillway_upstream_in_flight', 'Requests sent and not yet answered to their end.', ({ inFlight }) => inFlight)
  gauge(
    'spillway_upstream_latency_seconds',
    'Mean time to the answer’s headers over the last 10 s.',
    ({ latencyMs }) => (latencyMs === undefined ? undefined : latencyMs / 1000),
  )
  const counter = (name: string, help: string, read: (endpoint: Viewed) => number) =>
    new Counter({
      name,
      help,
      labelNames: ENDPOINT,
      registers,
      collect() {
        this.reset()
        each((cluster, endpoint) => this.labels(cluster, endpoint.origin).inc(read(endpoint)))
      },
    })
  counter('spillway_upstream_requests_total', 'Requests answered or failed.', ({ requests }) => requests)
  counter('spillway_upstream_failures_total', 'Requests that failed.', ({ failures }) => failures)
  new Counter({
    name: 'spillway_upstream_transitions_total',
    help: 'Changes of an endpoint’s condition or intent, and of whether a name resolves.',
    labelNames: [...ENDPOINT, 'from', 'to', 'reason'] as const,
    registers,
    collect() {
      this.reset()
      for (const { name, changes } of clusters) {
        for (const { changed, count } of [...changes.values()].flatMap((ofEndpoint) => [...ofEndpoint.values()])) {
          this.labels(name, changed.endpoint, changed.from, changed.to, changed.reason).inc(count)
        }
      }
    },
  })
  return new Counter({
    name: 'spillway_upstream_retries_total',
    help: 'Requests sent a second time, to another endpoint.',
    labelNames: CLUSTER,
    registers,
  })
}
