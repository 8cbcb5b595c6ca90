/** What is counted beside k6's own metrics. One metric each, no tags: k6 sums tagged ones only where a threshold asks. */
import { Counter, Gauge } from 'k6/metrics'
import type { CacheOutcome } from './cache-status.ts'
import { count } from './tally.ts'

/** Those with a count of their own, which takes each user 3 kB; the others are counted as `4xx` and so on. */
const STATUSES = [200, 201, 204, 304, 400, 401, 403, 404, 408, 409, 412, 413, 429, 431, 500, 501, 502, 503, 504]
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx']

/** k6's codes for requests without an answer, by the names that Node has for the same. */
const ERRORS: Record<number, string> = {
  1050: 'ETIMEDOUT',
  1101: 'ENOTFOUND',
  1201: 'EPIPE',
  1211: 'ETIMEDOUT',
  1212: 'ECONNREFUSED',
  1220: 'ECONNRESET',
}
const LOST = 'ECONNRESET'
const OTHER = 'EOTHER'

const counters = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, new Counter(`answers_${name}`)])) as Record<Name, Counter>

const answers: Record<string, Counter> = counters([
  ...STATUSES.map(String),
  ...CLASSES,
  ...new Set([...Object.values(ERRORS), LOST, OTHER]),
])
export const cache = counters<CacheOutcome>(['hit', 'miss', 'collapsed', 'none'])
export const requests = new Counter('requests')
export const failures = new Counter('failures')
export const wrongBodies = new Counter('wrong_bodies')
export const outOfKeys = new Counter('out_of_keys')
/** Sign-ins that were refused with 429: counted, and no failures. */
export const refusedSignIns = new Counter('refused_sign_ins')
/** From asking to the answer's end by a clock of whole milliseconds: right as a sum, and there while the run goes on. */
export const waitedSeconds = new Counter('waited_seconds')
/** Of requests without an answer: what k6's own times leave out. */
export const untimedSeconds = new Counter('untimed_seconds')
export const thinkingSeconds = new Counter('thinking_seconds')
export const presentSeconds = new Counter('present_seconds')
/** Milliseconds since 1970: when something was done. Its least and its greatest value bound the run. */
export const moments = new Gauge('moments')

/** Whether k6 says that an answer came whole, whatever its status. */
export function isWhole(errorCode: number): boolean {
  // 1400 to 1599 stand for statuses from 400 on; a body that broke off has a status and another code.
  return errorCode === 0 || (errorCode >= 1400 && errorCode < 1600)
}

export function countStatus(status: number): void {
  count((answers[status] ?? answers[`${Math.floor(status / 100)}xx`]) as Counter)
}

export function countError(errorCode: number, error: string): void {
  count(answers[ERRORS[errorCode] ?? (/\bEOF\b/.test(error) ? LOST : OTHER)] as Counter)
}
