/** One endpoint: what is known about it. */

/** An endpoint as operators see it. */
export interface EndpointView {
  readonly origin: string
  readonly intent: 'active' | 'draining'
  readonly condition: 'starting' | 'up' | 'down' | 'ejected'
  /** Why it is down or ejected. */
  readonly reason: string | undefined
  /** How many seconds an ejection lasts yet. */
  readonly ejectedForS: number | undefined
  /** Whether it would be chosen now. */
  readonly available: boolean
  /** Requests sent and not yet answered to their end. */
  readonly inFlight: number
  /** Answered or failed since the start. */
  readonly requests: number
  readonly failures: number
  /** Mean milliseconds to the answer's headers over the last 10 s; undefined without requests. */
  readonly latencyMs: number | undefined
}
