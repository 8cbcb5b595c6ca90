/** Whether a client has what we would send: `If-None-Match`, else `If-Modified-Since` (RFC 9110, 13.1; RFC 9111, 4.3.2). */
import { parseHttpDate } from './dates.ts'
import { type AnswerHeaders, answerField, type RequestHeaders, requestField } from './fields.ts'

export interface Validators {
  readonly etag: string | undefined
  /** Milliseconds since 1970: `Last-Modified`, else `Date` (RFC 9111, 4.3.2). */
  readonly modified: number | undefined
}

/** Undefined where preconditions do not apply: to anything but 200 (RFC 9110, 13.2.1). */
export function validatorsOf(status: number, headers: AnswerHeaders): Validators | undefined {
  if (status !== 200) return undefined
  return {
    etag: answerField(headers, 'etag'),
    modified: parseHttpDate(answerField(headers, 'last-modified') ?? answerField(headers, 'date')),
  }
}

export function notModified(request: RequestHeaders, { etag, modified }: Validators): boolean {
  const wanted = requestField(request, 'if-none-match')
  if (wanted !== undefined) return wanted === '*' || matches(wanted, etag)
  const since = parseHttpDate(requestField(request, 'if-modified-since'))
  return since !== undefined && modified !== undefined && modified <= since
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
