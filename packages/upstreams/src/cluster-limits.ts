/** How much a cluster may have to do at once (Envoy's circuit breakers, with their defaults). */

export interface ClusterLimits {
  /** Requests on their way at once, each on a connection of its own, upgraded ones included. Default: 1024. */
  readonly connections?: number | undefined
  /** Requests that wait until one of `connections` is free, or an endpoint has fewer than its `max`. Default: 1024. */
  readonly pending?: number | undefined
  /** Both together. Default: 1024. */
  readonly requests?: number | undefined
}

const DEFAULT = 1024
const FEWEST = { connections: 1, pending: 0, requests: 1 } as const satisfies Record<Limit, number>

/** A limit's name, for what it rejected. */
export type Limit = keyof ClusterLimits

/** @throws {TypeError} unless each is a whole number, at least 1, `pending` at least 0 */
export function limitsOf(given: ClusterLimits = {}): Readonly<Record<Limit, number>> {
  const of = (limit: Limit) => {
    const value = given[limit] ?? DEFAULT
    if (Number.isSafeInteger(value) && value >= FEWEST[limit]) return value
    throw new TypeError(`limits.${limit} is ${value}; it must be a whole number from ${FEWEST[limit]} on`)
  }
  return { connections: of('connections'), pending: of('pending'), requests: of('requests') }
}
