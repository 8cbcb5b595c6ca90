/** What is told of a cluster whenever something changes in it: for log lines, metrics and events. */

/**
 * Of an endpoint: `from` and `to` are conditions, or intents; `absent` before DNS or an update names it and once neither
 * does, which is the last that is told of it. They are the same where something else was changed: its weight, or whether an
 * operator drains what drains of itself. For a name itself: `unknown`, `resolved` or `unresolved`. For the cluster: policies;
 * `own` to `own` where one's own chose nobody for the first time.
 */
export interface Transition {
  /** The endpoint's origin, the name as it is configured, such as `dns+http://gateway:5000`, or the cluster's name. */
  readonly endpoint: string
  readonly from: string
  readonly to: string
  readonly reason: string
  /** The new one, where an endpoint is weighed anew. Apart from the reason, which is a label of metrics. */
  readonly weight?: number
}

/** The reason of what operators do. */
export const BY_OPERATOR = 'by an operator'
