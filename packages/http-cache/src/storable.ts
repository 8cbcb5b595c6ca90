/** Whether an answer may be kept and shown to others (RFC 9111, 3), and as what. */
import { type Entry, freshOnly, type Windows } from '@spillway/cache-client'
import { type Policy, policyOf } from './directives.ts'
import { type AnswerHeaders, answerField, members, type RequestHeaders, requestField } from './fields.ts'
import { type Exchanged, initialAge } from './freshness.ts'
import type { Head } from './live-answer.ts'

/** Bytes; what is longer streams past the cache. */
export const MAX_BODY = 1_048_576

/** Final statuses we understand and keep, given explicit freshness; 206 and 304 say nothing whole. */
const STORABLE = new Set([200, 301, 308, 404, 410])

export type Verdict =
  /** `vary`: the request fields it depends on, in lower case, sorted. */
  | { readonly kind: 'store'; readonly windows: Windows; readonly ageMs: number; readonly vary: readonly string[] }
  /** A 5xx; `whole`: those who wait may see the answer itself. */
  | { readonly kind: 'failure'; readonly whole: boolean }
  /** For nobody but who asked. */
  | { readonly kind: 'refuse' }

const REFUSE: Verdict = { kind: 'refuse' }

export function judge({ status, headers }: Head, request: RequestHeaders, times: Exchanged): Verdict {
  const policy = policyOf(headers)
  const vary = members(answerField(headers, 'vary')?.toLowerCase())
  const shared = mayBeShared(headers, policy, request) && fits(headers)
  if (status >= 500) return { kind: 'failure', whole: shared && vary.length === 0 }
  if (!STORABLE.has(status) || !shared || policy.unvalidated || vary.includes('*')) return REFUSE
  const lifetimeMs = policy.lifetime * 1000
  const ageMs = initialAge(headers, times)
  if (ageMs >= lifetimeMs) return REFUSE
  return { kind: 'store', windows: freshOnly(lifetimeMs), ageMs, vary: [...new Set(vary)].sort() }
}

function mayBeShared(headers: AnswerHeaders, policy: Policy, request: RequestHeaders): boolean {
  if (policy.secret || headers['set-cookie'] !== undefined) return false
  return policy.shared || requestField(request, 'authorization') === undefined
}

/** Without a length or chunks its end is the connection's, and a truncated body looks whole (RFC 9112, 8). */
function fits(headers: AnswerHeaders): boolean {
  const length = answerField(headers, 'content-length')
  return length === undefined ? headers['transfer-encoding'] !== undefined : Number(length) <= MAX_BODY
}

/** Hop-by-hop (RFC 9110, 7.6.1), about one exchange rather than the answer, or meant for us alone. */
const NEVER_STORED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['proxy-authenticate', 'proxy-authentication-info', 'set-cookie'],
  ...['server-timing', 'proxy-status', 'cache-status', 'x-request-id', 'x-served-by', 'x-load'],
  ...['traceparent', 'tracestate', 'age', 'content-length', 'cdn-cache-control', 'cache-tag'],
])

/**
 * The answer's own headers, and a date if it had none (RFC 9110, 6.6.1); its length is that of the body it is stored
 * with. A failure shared with those who wait keeps the word of whose failure it is.
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

/** What purges an answer: its URL, and whatever `Cache-Tag` names. */
export function tagsOf(url: string, headers: AnswerHeaders): string[] {
  return [...new Set([url, ...members(answerField(headers, 'cache-tag'))])]
}

/** What clients get of an origin's headers: `Cache-Tag` and `CDN-Cache-Control` end here. */
export function clientHeaders(headers: AnswerHeaders): AnswerHeaders {
  const { 'cache-tag': _tags, 'cdn-cache-control': _policy, ...rest } = headers
  return rest
}
