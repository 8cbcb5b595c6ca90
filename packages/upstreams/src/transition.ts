/** What is told of a cluster whenever something changes in it: for log lines, metrics and events. */

/**
 * Of an endpoint: `from` and `to` are conditions, or intents; `absent` before DNS names it and once it no longer does,
 * which is the last that is told of it. They are the same where an operator changed something else: its weight, or whether
 * he drains what drains of itself. For a name itself: `unknown`, `resolved` or `unresolved`. For the cluster: policies.
 */
export interface Transition {
  /** The endpoint's origin, the name as it is configured, such as `dns+http://gateway:5000`, or the cluster's name. */
  readonly endpoint: string
  readonly from: string
  readonly to: string
  readonly reason: string
  /** The new one, where an operator weighs an endpoint. Apart from the reason, which is a label of metrics. */
  readonly weight?: number
}

/** The reason of what operators do. */
export const BY_OPERATOR = 'by an operator'
