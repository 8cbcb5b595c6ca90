/** Passive ejection: when an endpoint's answers speak against it, how many may be out at once, and when to ignore that. */

/** What the decisions look at in an endpoint. */
interface Judged {
  /** Chosen without hesitation: active and up. */
  readonly available: boolean
  /** Active, and up but for an ejection. */
  readonly passing: boolean
  /** Chosen only while no other is usable. */
  readonly backup: boolean
}

const FAILURES_IN_A_ROW = 5
const FEWEST_REQUESTS = 5
const LOWEST_SUCCESS_RATE = 0.8
const MOST_EJECTED = 0.1
const PANIC_BELOW = 0.5

/** Why an endpoint should be ejected, or undefined. `requests` and `failures` are those of the last 10 s. */
export function charge(inARow: number, requests: number, failures: number): string | undefined {
  if (inARow >= FAILURES_IN_A_ROW) return `${FAILURES_IN_A_ROW} failures in a row`
  if (requests >= FEWEST_REQUESTS && (requests - failures) / requests < LOWEST_SUCCESS_RATE) {
    return `success rate under ${LOWEST_SUCCESS_RATE * 100} %`
  }
  return undefined
}

/** Whether one more of `all` may be ejected while `out` are: at most 10 % of them, but at least one. */
export function mayEject(out: number, all: number): boolean {
  return out < Math.max(1, Math.floor(all * MOST_EJECTED))
}

/**
 * Those that may be chosen: none that is down or draining, and a backup only while no other endpoint is usable.
 * @returns where all may, the very list
 */
export function usable<E extends Judged>(endpoints: readonly E[]): readonly E[] {
  if (endpoints.every(unhesitating)) return endpoints
  const first = tier(endpoints, false)
  if (first.some(({ available }) => available)) return first
  const backups = tier(endpoints, true)
  return first.length === 0 || backups.some(({ available }) => available) ? backups : first
}

function unhesitating({ available, backup }: Judged): boolean {
  return available && !backup
}

/**
 * When ejections leave under 50 % of the endpoints that pass their checks, it is rather the load or the network than the
 * endpoints, and ejections are ignored (Envoy's panic).
 */
function tier<E extends Judged>(endpoints: readonly E[], backup: boolean): E[] {
  const passing = endpoints.filter((endpoint) => endpoint.passing && endpoint.backup === backup)
  const available = passing.filter((endpoint) => endpoint.available)
  return available.length < passing.length * PANIC_BELOW ? passing : available
}
