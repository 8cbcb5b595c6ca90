/** How old an answer is and how long it may be used (RFC 9111, 4.2), in milliseconds of `performance.now()`'s clock. */
import { parseHttpDate } from './dates.ts'
import { type AnswerHeaders, answerField } from './fields.ts'

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

/** Of several values only the first counts (RFC 9111, 5.1). */
function firstMember(value: string | undefined): string {
  return value?.split(',', 1)[0]?.trim() ?? ''
}
