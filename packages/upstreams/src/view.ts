/** An endpoint as operators see it. */
import type { Condition } from './condition.ts'

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
