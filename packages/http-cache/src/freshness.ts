/** How old an answer is and how long it may be used (RFC 9111, 4.2), in milliseconds of `performance.now()`'s clock. */
import type { Windows } from '@spillway/cache-client'
import { parseHttpDate } from './dates.ts'
import type { Policy } from './directives.ts'
import { type AnswerHeaders, answerField } from './fields.ts'
import type { Settings } from './settings.ts'

/** Cacheable where nothing is said (RFC 9110, 15.1), of those we store. */
const HEURISTIC = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414])
/** Of those, what is no error. */
const FOUND = new Set([200, 203, 204, 300, 301, 308])
/** Milliseconds. */
const LONGEST_GUESS = 86_400_000
/** Milliseconds that an entry with a validator is kept once it is of no other use: a 304 saves its body only. */
const FOR_REVALIDATION = 600_000

/** When a request was sent and when its answer's head came. */
export interface Exchanged {
  readonly requestAt: number
  readonly responseAt: number
  /** The same moment as `responseAt`, on the wall clock, to compare with `Date`. */
  readonly responseDate: number
}

/** The corrected initial age (RFC 9111, 4.2.3) at `responseAt`. */
export function initialAge(headers: AnswerHeaders, { requestAt, responseAt, responseDate }: Exchanged): number {
  const date = parseHttpDate(answerField(headers, 'date'))
  // `Date` has whole seconds only: without rounding down, an answer of this instant would seem up to a second old.
  const apparent = date === undefined ? 0 : Math.floor((responseDate - date) / 1000) * 1000
  const told = /^\d+$/.exec(firstMember(answerField(headers, 'age')))
  const corrected = (told ? Math.min(Number(told[0]), 2 ** 31) * 1000 : 0) + (responseAt - requestAt)
  return Math.max(0, apparent, corrected)
}

/**
 * Milliseconds of age (RFC 9111, 4.2.1, 4.2.2), `heuristic` the share of the time since `Last-Modified`, `ttl` what holds
 * of what is found where nothing is said; undefined where the answer says nothing of it and nothing may be guessed.
 */
export function lifetimeOf(
  status: number,
  headers: AnswerHeaders,
  policy: Policy,
  { heuristic, ttl }: Pick<Settings, 'heuristic' | 'ttl'>,
): number | undefined {
  if (policy.lifetime !== undefined) return policy.lifetime * 1000
  if (policy.revalidated) return 0
  if (ttl > 0 && FOUND.has(status)) return ttl
  const modified = parseHttpDate(answerField(headers, 'last-modified'))
  if (heuristic > 0 && modified !== undefined && (policy.public || HEURISTIC.has(status))) {
    const date = parseHttpDate(answerField(headers, 'date')) ?? Date.now()
    return Math.min(LONGEST_GUESS, Math.max(0, (date - modified) * heuristic))
  }
  return undefined
}

/** What an answer with this lifetime may be used for (RFC 9111, 4.2.4; RFC 5861); `validated`: whether it has a validator. */
export function windowsOf(policy: Policy, lifetime: number, validated: boolean): Windows {
  const fresh = policy.revalidated ? 0 : lifetime
  const strict = policy.strict || policy.revalidated
  const whileRevalidate = strict ? fresh : fresh + policy.whileRevalidate * 1000
  const ifError = strict ? fresh : fresh + policy.ifError * 1000
  const used = Math.max(whileRevalidate, ifError)
  const keep = validated ? used + FOR_REVALIDATION : used
  return { fresh, whileRevalidate, ifError, ifAsked: strict ? fresh : keep, keep }
}

/** Of several values only the first counts (RFC 9111, 5.1). */
function firstMember(value: string | undefined): string {
  return value?.split(',', 1)[0]?.trim() ?? ''
}
