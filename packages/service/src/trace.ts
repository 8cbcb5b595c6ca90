/** Who a request is: its id, and its place in a trace (W3C Trace Context), made where the caller sent none. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const ZEROS = /^0+$/

/** The caller's `x-request-id` where it is harmless in headers and logs, else a new one. */
export function requestId(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}

export interface Trace {
  /** 32 hex digits, the same at every hop. */
  traceId: string
  /** The header for the next hop: the same trace, this hop as parent. */
  traceparent: string
}

/** Continues the caller's trace, or begins one. A malformed `traceparent` is ignored (W3C Trace Context 3.2.2). */
export function continueTrace(traceparent: string | undefined): Trace {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent)
  const [, traceId = '', parentId = '', flags = '01'] = match ?? []
  const valid = match !== null && !ZEROS.test(traceId) && !ZEROS.test(parentId)
  const id = valid ? traceId : randomBytes(16).toString('hex')
  return { traceId: id, traceparent: `00-${id}-${randomBytes(8).toString('hex')}-${valid ? flags : '01'}` }
}
