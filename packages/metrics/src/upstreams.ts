/** What an operator wants to see of each endpoint of a process's upstreams, as `spillway_upstream_*` metrics. */
import { Counter, type Registry } from 'prom-client'
import type { Dispatcher } from 'undici'
import { type Changed, type Cluster, type Measured, read } from './upstream-series.ts'

interface Dispatched {
  /** Set where a request is sent again: the endpoints that had it, and how the last of them failed. */
  exchange?: { tried?: readonly string[] | undefined; error?: string | undefined } | undefined
}

/** Of one cluster. */
export interface MeasuredUpstreams {
  /** To be told of each change. */
  readonly transition: (changed: Changed) => void
  /** An interceptor for inside of what retries: it sees each attempt, and at a second one which endpoints were tried. */
  readonly countRetries: Dispatcher.DispatcherComposeInterceptor
}

/** Series from the start: what appears with its first retry has no increase to be seen. */
const USUAL_REASONS = ['connection_refused', 'connection_terminated', 'http_response_timeout', 'retry_after']

/**
 * Registers, once for a registry, `spillway_upstream_*`:
 *
 * - of each endpoint `condition`, `available`, `in_flight`, `latency_seconds`, `head_seconds` (a histogram),
 *   `requests_total`, `failures_total`, `connections`, `connections_opened_total` and `transitions_total`;
 * - of each cluster `pending`, `rejected_total` by limit, `retries_total` by the reason of the first attempt's failure,
 *   `retry_budget`, `ejections_total` by reason and `lookups_total` by outcome.
 *
 * Of an endpoint that left nothing remains; if it comes back, its totals begin anew.
 * @returns what adds a cluster: its name, and what gives it as it is at the time, such as an `Upstreams`
 */
export function measureUpstreams(registry: Registry) {
  const clusters: Cluster[] = []
  read(registry, clusters)
  const retries = new Counter({
    name: 'spillway_upstream_retries_total',
    help: 'Requests sent a second time, to another endpoint.',
    labelNames: ['upstream', 'reason'] as const,
    registers: [registry],
  })

  return (name: string, now: () => Measured | undefined): MeasuredUpstreams => {
    const changes: Cluster['changes'] = new Map()
    clusters.push({ name, now, changes })
    for (const reason of USUAL_REASONS) retries.inc({ upstream: name, reason }, 0)
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
        const { exchange } = options as Dispatched
        // A first attempt without an error was answered: 503, and when to come back.
        if (exchange?.tried?.length) retries.inc({ upstream: name, reason: exchange.error ?? 'retry_after' })
        return dispatch(options, handler)
      },
    }
  }
}
