/** Whether an answer may be kept and shown to others (RFC 9111, 3), and as what. */
import type { Entry, Windows } from '@spillway/cache-client'
import { canBeValidated } from './conditional.ts'
import { type Policy, policyOf } from './directives.ts'
import { type AnswerHeaders, answerField, members, type RequestHeaders, requestField } from './fields.ts'
import { type Exchanged, initialAge, lifetimeOf, windowsOf } from './freshness.ts'
import type { Head } from './live-answer.ts'
import type { Settings } from './settings.ts'

/**
 * Final statuses that we understand; 206 and 304 say nothing whole. Of errors only those about the URL: what one client's
 * fields or method have provoked is not for others, however long it says it lasts (CPDoS, "Your Cache Has Fallen").
 */
const STORABLE = new Set([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 451])
/** What says that there is nothing, or nothing of the kind, and may be taken as fresh for a while (RFC 9110, 15.1). */
const NEGATIVE = new Set([404, 405, 410, 414, 501])

export type Verdict =
  /** `vary`: the request fields it depends on, in lower case, sorted. */
  | { readonly kind: 'store'; readonly windows: Windows; readonly ageMs: number; readonly vary: readonly string[] }
  /** A 5xx; `whole`: those who wait may see the answer itself. */
  | { readonly kind: 'failure'; readonly whole: boolean }
  /** For nobody but who asked. */
  | { readonly kind: 'refuse' }

const REFUSE: Verdict = { kind: 'refuse' }

export function judge(
  { status, headers }: Pick<Head, 'status' | 'headers'>,
  request: RequestHeaders,
  times: Exchanged,
  settings: Settings,
): Verdict {
  const policy = policyOf(headers)
  const vary = [...members(answerField(headers, 'vary')?.toLowerCase()), ...unsaidVary(headers, policy, request)]
  const shared = mayBeShared(status, headers, policy, request, settings) && fits(status, headers, settings.maxBodyBytes)
  const windows = shared && !vary.includes('*') ? windowsFor(status, headers, policy, settings) : undefined
  const ageMs = initialAge(headers, times)
  // Past `keep` it would be of no use, not even to a revalidation.
  if (windows && ageMs < windows.keep) return { kind: 'store', windows, ageMs, vary: [...new Set(vary)].sort() }
  return status >= 500 ? { kind: 'failure', whole: shared && vary.length === 0 } : REFUSE
}

/** Undefined where the answer says nothing of its lifetime, and nobody says it instead; or where the status is for nobody else. */
function windowsFor(status: number, headers: AnswerHeaders, policy: Policy, settings: Settings): Windows | undefined {
  const { negativeTtl } = settings
  const negative = negativeTtl > 0 && NEGATIVE.has(status)
  if (!negative && !STORABLE.has(status)) return undefined
  const silent = policy.lifetime === undefined && !policy.revalidated
  const lifetime = negative && silent ? negativeTtl : lifetimeOf(status, headers, policy, settings)
  return lifetime === undefined ? undefined : windowsOf(policy, lifetime, canBeValidated(status, headers))
}

function mayBeShared(
  status: number,
  headers: AnswerHeaders,
  policy: Policy,
  request: RequestHeaders,
  { storeSetCookie }: Settings,
): boolean {
  // Whoever understands the status may go by the other directives (RFC 9111, 5.2.2.3).
  const unstored = policy.unstored && !(policy.understood && STORABLE.has(status))
  if (policy.secret || unstored || (headers['set-cookie'] !== undefined && !storeSetCookie)) return false
  return policy.shared || requestField(request, 'authorization') === undefined
}

/**
 * What an answer depends on where its origin may have forgotten to say so: who is signed in to the origin by a cookie, unless
 * it says that it is for all; the site that a script may be of; and what its reader can decode.
 */
function unsaidVary(headers: AnswerHeaders, policy: Policy, request: RequestHeaders): string[] {
  const unsaid: string[] = []
  if (!policy.shared && requestField(request, 'cookie') !== undefined) unsaid.push('cookie')
  if ((answerField(headers, 'access-control-allow-origin') ?? '*') !== '*') unsaid.push('origin')
  if (headers['content-encoding'] !== undefined) unsaid.push('accept-encoding')
  return unsaid
}

/** Without a length or chunks its end is the connection's, and a truncated body looks whole (RFC 9112, 8). */
function fits(status: number, headers: AnswerHeaders, maxBodyBytes: number): boolean {
  if (status === 204) return true
  const length = answerField(headers, 'content-length')
  return length === undefined ? headers['transfer-encoding'] !== undefined : Number(length) <= maxBodyBytes
}

/**
 * Hop-by-hop (RFC 9110, 7.6.1) or between this hop and the next (RFC 9111, 3.1), for one client, about one exchange rather
 * than the answer, its traces, or told anew each time.
 */
const NEVER_STORED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'],
  ...['set-cookie', 'set-cookie2', 'clear-site-data'],
  ...['server-timing', 'proxy-status', 'cache-status', 'x-request-id', 'x-correlation-id', 'x-served-by', 'x-load'],
  ...[
    'traceparent',
    'tracestate',
    'traceresponse',
    'baggage',
    'x-trace-id',
    'x-amzn-trace-id',
    'x-cloud-trace-context',
  ],
  ...['b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid', 'x-b3-sampled', 'x-b3-flags'],
  // What one caller may still ask (draft-ietf-httpapi-ratelimit-headers-10).
  ...['ratelimit', 'ratelimit-policy'],
  ...['age', 'content-length'],
])

/**
 * The answer's own headers, those for caches among them, since a revalidation may not repeat them, and a date if it had
 * none (RFC 9110, 6.6.1); its length is that of the body it is stored with. A failure shared with those who wait keeps the word of whose failure it is.
 */
export function storedHeaders({ status, headers }: Head, date: number): Entry['headers'] {
  const named = new Set(members(answerField(headers, 'connection')?.toLowerCase()))
  const kept: [string, string][] = []
  for (const [name, value] of Object.entries(headers)) {
    const dropped = NEVER_STORED.has(name) && !(name === 'proxy-status' && status >= 500)
    if (value === undefined || dropped || named.has(name)) continue
    for (const line of Array.isArray(value) ? value : [value]) kept.push([name, line])
  }
  if (headers['date'] === undefined) kept.push(['date', new Date(date).toUTCString()])
  return kept
}

/** What purges an answer: its URL, and whatever `Cache-Tag` names, or `Surrogate-Key` where there is none. */
export function tagsOf(url: string, headers: AnswerHeaders): string[] {
  const keys = answerField(headers, 'surrogate-key')?.replaceAll(/\s+/g, ',')
  return [...new Set([url, ...members(answerField(headers, 'cache-tag') ?? keys)])]
}

/** What clients get of an origin's headers: what is for caches ends here. */
export function clientHeaders(headers: AnswerHeaders): AnswerHeaders {
  const { 'cache-tag': _tags, 'surrogate-key': _keys, 'cdn-cache-control': _policy, ...rest } = headers
  return rest
}

/** The same of one field. */
export function isForCaches(name: string): boolean {
  return name === 'cache-tag' || name === 'surrogate-key' || name === 'cdn-cache-control'
}
