/**
 * Whether a client has what we would send: `If-None-Match`, else `If-Modified-Since` (RFC 9110, 13.1; RFC 9111, 4.3.2);
 * and whether it may have a part of it: `If-Range`.
 */
import { parseHttpDate } from './dates.ts'
import { type AnswerHeaders, answerField, type RequestHeaders, requestField } from './fields.ts'

export interface Validators {
  readonly etag: string | undefined
  /** Milliseconds since 1970: `Last-Modified`, else `Date` (RFC 9111, 4.3.2). */
  readonly modified: number | undefined
  /** The same, `Last-Modified` only, where it is a strong validator: a second before `Date` at least (RFC 9110, 8.8.2.2). */
  readonly exactly: number | undefined
}

/** Undefined where preconditions do not apply: to anything but 200 (RFC 9110, 13.2.1). */
export function validatorsOf(status: number, headers: AnswerHeaders): Validators | undefined {
  if (status !== 200) return undefined
  const date = parseHttpDate(answerField(headers, 'date'))
  const lastModified = answerField(headers, 'last-modified')
  const modified = parseHttpDate(lastModified)
  return {
    etag: answerField(headers, 'etag'),
    modified: lastModified === undefined ? date : modified,
    exactly: modified !== undefined && date !== undefined && date - modified >= 1000 ? modified : undefined,
  }
}

/** Whether an origin can be asked for it on condition that it has changed (RFC 9111, 4.3.1). */
export function canBeValidated(status: number, headers: AnswerHeaders): boolean {
  if (status !== 200) return false
  return headers['etag'] !== undefined || parseHttpDate(answerField(headers, 'last-modified')) !== undefined
}

export function notModified(request: RequestHeaders, { etag, modified }: Validators): boolean {
  const wanted = requestField(request, 'if-none-match')
  if (wanted !== undefined) return wanted === '*' || matches(wanted, etag)
  const since = parseHttpDate(requestField(request, 'if-modified-since'))
  return since !== undefined && modified !== undefined && modified <= since
}

/** Whether `Range` counts: `If-Range`, where there is one, compares strongly, a date exactly (RFC 9110, 13.1.5). */
export function mayHavePart(request: RequestHeaders, { etag, exactly }: Validators): boolean {
  const wanted = requestField(request, 'if-range')
  if (wanted === undefined) return true
  if (/^(?:W\/)?"/.test(wanted)) return wanted === etag && !wanted.startsWith('W/')
  return exactly !== undefined && parseHttpDate(wanted) === exactly
}

/** Weak comparison (RFC 9110, 8.8.3.2) with any of a list; a tag may hold commas. */
function matches(list: string, etag: string | undefined): boolean {
  if (etag === undefined) return false
  const opaque = etag.replace(/^W\//, '')
  for (const [, tag] of list.matchAll(/(?:W\/)?("[^"]*")/g)) if (tag === opaque) return true
  return false
}

/** A 304 repeats what a 200 would say, but nothing about the content it does not send (RFC 9110, 15.4.5). */
export function notModifiedHeaders(headers: AnswerHeaders): AnswerHeaders {
  const kept = Object.entries(headers).filter(
    ([name]) => name === 'content-location' || !(name.startsWith('content-') || name === 'transfer-encoding'),
  )
  return Object.fromEntries(kept)
}
