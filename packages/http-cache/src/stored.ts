/** Answers that are stored, or come while they are being stored, as far as a reader asked for them. */
import type { Entry } from '@spillway/cache-client'
import { exchangeOf } from '@spillway/upstreams'
import { partHeaders, partsOf } from './byteranges.ts'
import type { Call, Uncached } from './call.ts'
import { notModifiedHeaders, type Validators, validatorsOf } from './conditional.ts'
import type { Following } from './cursor.ts'
import type { Delivery } from './delivery.ts'
import { RangeNotSatisfiable } from './errors.ts'
import { type AnswerHeaders, recordOf } from './fields.ts'
import type { EntryHead } from './fill.ts'
import type { Head } from './live-answer.ts'
import type { RunningAnswer } from './running-answer.ts'
import { type Selection, select } from './selection.ts'
import { isForCaches } from './storable.ts'

/** What every reader of an entry needs, worked out for its first. */
interface Prepared {
  readonly headers: AnswerHeaders
  readonly validators: Validators | undefined
}

const prepared = new WeakMap<EntryHead, Prepared>()

/** Sends a stored answer at once. `age`: seconds, told as RFC 9111 (5.1) wants. */
export function deliverStored(entry: EntryHead & Pick<Entry, 'body'>, age: number, call: Call): void {
  const { options, delivery } = call
  const { status, body } = entry
  const selection = select(options, prepare(entry).validators, body.length)
  const headers = storedFields(entry, age, body.length)
  if (selection.is === 'whole') {
    delivery.start(status, headers)
    if (body.length > 0) delivery.data(body)
    delivery.end({})
  } else if (selection.is === 'parts') {
    sendParts(selection, headers, body, delivery)
    delivery.end({})
  } else {
    sendHead(selection, { status, headers, message: undefined }, call)
  }
}

/**
 * Sends an answer under this head as it comes; false where what is asked for can be told only once all of it is here, or
 * may lie far behind its beginning.
 */
export function deliverRunning(
  answer: RunningAnswer,
  head: Head,
  call: Call,
  following: Pick<Following, 'trailers' | 'left'>,
): boolean {
  const { options, delivery } = call
  const selection = select(options, validatorsOf(head.status, head.headers), answer.length)
  if (sendHead(selection, head, call)) return true
  if (selection.is === 'whole') {
    delivery.start(head.status, head.headers, head.message)
    answer.join({ ...following, delivery })
  } else if (selection.is === 'parts' && selection.parts.length === 1 && answer.short) {
    const [part] = selection.parts
    delivery.start(206, partHeaders(head.headers, part, selection.length))
    answer.join({ ...following, delivery, part })
  } else {
    return false
  }
  return true
}

/** What is sent of a stored answer's fields: a copy, for whoever gets it may write into it. `length`: of the body, if known. */
export function storedFields(entry: EntryHead, age: number, length: number | undefined): AnswerHeaders {
  const headers = { ...prepare(entry).headers, age: String(age) } as AnswerHeaders
  // A 204 has none (RFC 9110, 8.6).
  if (length !== undefined && entry.status !== 204) headers['content-length'] = String(length)
  return headers
}

function prepare(entry: EntryHead): Prepared {
  let known = prepared.get(entry)
  if (!known) {
    const headers = recordOf(entry.headers.filter(([name]) => !isForCaches(name)))
    // What is stored whole can be had in parts, whatever its origin can do.
    if (entry.status === 200) headers['accept-ranges'] = 'bytes'
    // With a prototype: V8 copies such a record, as is done for each hit, in a tenth of the time.
    known = { headers: { ...headers }, validators: validatorsOf(entry.status, headers) }
    prepared.set(entry, known)
  }
  return known
}

/** Whether that is all there is to send. */
function sendHead(selection: Selection, { status, headers, message }: Head, { options, delivery }: Uncached): boolean {
  const exchange = exchangeOf(options)
  switch (selection.is) {
    case 'unchanged':
      delivery.start(304, notModifiedHeaders(headers))
      break
    case 'head':
      delivery.start(status, headers, message)
      break
    case 'unsatisfiable':
      // Ours to refuse, on the origin's behalf (RFC 9209, 2.3.16).
      if (exchange) exchange.error = 'http_request_error'
      delivery.fail(new RangeNotSatisfiable(selection.length))
      break
    default:
      return false
  }
  delivery.end({})
  return true
}

function sendParts(
  { parts }: Extract<Selection, { is: 'parts' }>,
  headers: AnswerHeaders,
  body: Buffer,
  delivery: Delivery,
): void {
  const [part, ...others] = parts
  const sent =
    others.length > 0
      ? partsOf(headers, parts, body)
      : { headers: partHeaders(headers, part, body.length), chunks: [body.subarray(part.first, part.last + 1)] }
  delivery.start(206, sent.headers)
  for (const chunk of sent.chunks) delivery.data(chunk)
}
