/** What an operator wants to see of each endpoint, as `spillway_upstream_*` metrics. */
import { Counter, Gauge, type Registry } from '@spillway/metrics'
import { type EndpointView, exchangeOf, type Transition, type Upstreams } from '@spillway/upstreams'
import type { Dispatcher } from 'undici'

const ENDPOINT = ['upstream', 'endpoint'] as const

/** Gauges are read from the endpoints when asked for; `transition` and `countRetries` count what passes. */
export function measureUpstreams(registry: Registry, upstreams: Upstreams) {
  const registers = [registry]
  const { name } = upstreams

  new Gauge({
    name: 'spillway_upstream_condition',
    help: '1 for the condition each endpoint is in.',
    labelNames: [...ENDPOINT, 'condition', 'intent'] as const,
    registers,
    collect() {
      this.reset()
      for (const { origin, condition, intent } of upstreams.endpoints())
        this.labels(name, origin, condition, intent).set(1)
    },
  })
  const gauge = (metric: string, help: string, read: (endpoint: EndpointView) => number | undefined) =>
    new Gauge({
      name: metric,
      help,
      labelNames: ENDPOINT,
      registers,
      collect() {
        this.reset()
        for (const endpoint of upstreams.endpoints()) {
          const value = read(endpoint)
          if (value !== undefined) this.labels(name, endpoint.origin).set(value)
        }
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
  const counter = (metric: string, help: string, read: (endpoint: EndpointView) => number) =>
    new Counter({
      name: metric,
      help,
      labelNames: ENDPOINT,
      registers,
      collect() {
        this.reset()
        for (const endpoint of upstreams.endpoints()) this.labels(name, endpoint.origin).inc(read(endpoint))
      },
    })
  counter('spillway_upstream_requests_total', 'Requests answered or failed.', ({ requests }) => requests)
  counter('spillway_upstream_failures_total', 'Requests that failed.', ({ failures }) => failures)

  const transitions = new Counter({
    name: 'spillway_upstream_transitions_total',
    help: 'Changes of an endpoint’s condition or intent.',
    labelNames: [...ENDPOINT, 'from', 'to', 'reason'] as const,
    registers,
  })
  const retries = new Counter({
    name: 'spillway_upstream_retries_total',
    help: 'Requests sent a second time, to another endpoint.',
    labelNames: ['upstream'] as const,
    registers,
  })
  return {
    transition({ endpoint, from, to, reason }: Transition): void {
      transitions.labels(name, endpoint, from, to, reason).inc()
    },
    /** An interceptor for inside of `retry`: it sees each attempt, and on a second one which endpoints were tried. */
    countRetries: ((dispatch) => (options, handler) => {
      if (exchangeOf(options)?.tried.length) retries.labels(name).inc()
      return dispatch(options, handler)
    }) satisfies Dispatcher.DispatcherComposeInterceptor,
  }
}
