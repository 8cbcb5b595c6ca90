/** A cluster and its endpoints as operators and metrics see them. */
import type { Limit } from './cluster-limits.ts'
import type { Condition } from './condition.ts'
import type { Histogram } from './histogram.ts'

export interface EndpointView {
  readonly origin: string
  /** It drains if it says so itself or an operator does. */
  readonly intent: Intent
  /** Whether an operator drains it. */
  readonly drained: boolean
  readonly condition: Condition['state']
  /** Why it is down or ejected. */
  readonly reason: string | undefined
  /** How many seconds an ejection lasts yet. */
  readonly ejectedForS: number | undefined
  /** Whether it would be chosen now. */
  readonly available: boolean
  /** As configured, or as an operator has it. */
  readonly weight: number
  /** How much of that counts yet: 0.1 to 1, in slow start. */
  readonly ramp: number
  /** Whether it has requests only while no endpoint without this is usable. */
  readonly backup: boolean
  /** How many requests it may have at once; undefined where there is no such limit. */
  readonly max: number | undefined
  /** Requests sent and not yet answered to their end. */
  readonly inFlight: number
  /** Answered or failed since the start. */
  readonly requests: number
  readonly failures: number
  /** Mean milliseconds to the answer's headers over the last 10 s; undefined without requests. */
  readonly latencyMs: number | undefined
}

export type Intent = 'active' | 'draining'

/** What metrics show of an endpoint besides. */
export interface EndpointStats {
  readonly origin: string
  /** Connections that were opened for requests; each of them served as many as it could. */
  readonly opened: number
  /** Those that are open, upgraded ones left out. */
  readonly connections: number
  /** Time to answers' headers. */
  readonly heads: Pick<Histogram, 'boundsMs' | 'counts' | 'coarse' | 'sumMs'>
}

/** What metrics show of a cluster. */
export interface ClusterStats {
  /** Requests on their way, to endpoints that have left too. */
  readonly inFlight: number
  /** Requests in the queue. */
  readonly pending: number
  /** Requests refused since the start, by the limit that was reached; waiting for too long counts for `pending`. */
  readonly rejected: Readonly<Record<Limit, number>>
  /** Ejections since the start, by reason; their number is small and fixed. */
  readonly ejections: Readonly<Record<string, number>>
  /** Budgeted retries that may be made now; all of them, where `retry` was not given `Upstreams.budget`. */
  readonly retriesLeft: number
  /** Of the names that DNS is asked for, since the start. */
  readonly lookups: { readonly answered: number; readonly failed: number }
  readonly endpoints: readonly EndpointStats[]
}
