/** Asks the origin whether a stored answer still holds (RFC 9111, 4.3): a 304 freshens it, all else is an answer of its own. */
import type { Entry } from '@spillway/cache-client'
import type { Dispatcher } from 'undici'
import { canBeValidated } from './conditional.ts'
import { type AnswerHeaders, answerField, members, recordOf } from './fields.ts'
import type { Head } from './live-answer.ts'

/**
 * Sends the request with the conditions of what is stored, if that can be validated, else as it is. `handler` gets every
 * answer but a 304 that fits the stored one: that is `freshened`. One that fits nothing is no answer, and the request is
 * sent again without conditions (RFC 9111, 4.3.4).
 */
export function revalidate(
  dispatch: Dispatcher.Dispatch,
  request: Dispatcher.DispatchOptions & { headers: string[] },
  stored: Entry | undefined,
  handler: Dispatcher.DispatchHandler,
  freshened: (head: Head) => void,
): void {
  const fields = stored && recordOf(stored.headers)
  if (!fields || !canBeValidated(stored.status, fields)) {
    dispatch(request, handler)
    return
  }
  const conditional = { ...request, headers: [...request.headers, ...conditionsOf(fields)] }
  let unchanged: 'freshened' | 'unfit' | undefined
  dispatch(conditional, {
    onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
    onResponseStart(controller, status, headers, message) {
      if (status !== 304) {
        handler.onResponseStart?.(controller, status, headers, message)
        return
      }
      unchanged = fits(fields, headers) ? 'freshened' : 'unfit'
      if (unchanged === 'freshened')
        freshened({ status: stored.status, headers: merged(stored, fields, headers), message: undefined })
    },
    onResponseData(controller, chunk) {
      if (!unchanged) handler.onResponseData?.(controller, chunk)
    },
    onResponseEnd(controller, trailers) {
      if (unchanged === 'unfit') dispatch(request, handler)
      else if (!unchanged) handler.onResponseEnd?.(controller, trailers)
    },
    onResponseError(controller, error) {
      if (unchanged !== 'freshened') handler.onResponseError?.(controller, error)
    },
  })
}

/** RFC 9111, 4.3.1: both where there are both, names and values in turn. */
function conditionsOf(stored: AnswerHeaders): string[] {
  const etag = answerField(stored, 'etag')
  const modified = answerField(stored, 'last-modified')
  return [...(etag ? ['if-none-match', etag] : []), ...(modified ? ['if-modified-since', modified] : [])]
}

/** RFC 9111, 4.3.4: whether a 304 with these fields is about what is stored. */
function fits(stored: AnswerHeaders, told: AnswerHeaders): boolean {
  const etag = answerField(told, 'etag')
  const known = answerField(stored, 'etag')
  if (etag === undefined) {
    const modified = answerField(told, 'last-modified')
    return modified !== undefined && modified === answerField(stored, 'last-modified')
  }
  return etag === known || (etag.startsWith('W/') && etag.slice(2) === known?.replace(/^W\//, ''))
}

/** About the content that a 304 does not send (RFC 9111, 3.2). */
const CONTENT = new Set(['content-encoding', 'content-length', 'content-range', 'content-type', 'transfer-encoding'])

/** RFC 9111, 3.2: what the 304 says instead of what is stored. Without a date of its own, it is of now (RFC 9110, 6.6.1). */
function merged({ body }: Entry, stored: AnswerHeaders, told: AnswerHeaders): AnswerHeaders {
  const named = new Set(members(answerField(told, 'connection')?.toLowerCase()))
  const own = { date: new Date().toUTCString(), 'content-length': String(body.length) }
  const headers: AnswerHeaders = Object.assign(Object.create(null), stored, own)
  for (const [name, value] of Object.entries(told)) if (!CONTENT.has(name) && !named.has(name)) headers[name] = value
  return headers
}
