/** Answers out of the cache, and the parts of an answer that a reader asked for: 304, HEAD. */
import type { Entry } from '@spillway/cache-client'
import type { Call } from './call.ts'
import { notModified, notModifiedHeaders, type Validators, validatorsOf } from './conditional.ts'
import type { AnswerHeaders } from './fields.ts'
import type { Head, LiveAnswer } from './live-answer.ts'
import { clientHeaders } from './storable.ts'

/** What every hit of an entry needs, worked out at its first. */
interface Prepared {
  readonly headers: AnswerHeaders
  readonly validators: Validators | undefined
}

const prepared = new WeakMap<Entry, Prepared>()

/** Sends a stored answer at once. `age`: seconds, told as RFC 9111 (5.1) wants. */
export function deliverStored(entry: Entry, age: number, { options, delivery }: Call): void {
  let known = prepared.get(entry)
  if (!known) {
    known = prepare(entry)
    prepared.set(entry, known)
  }
  // A copy: whoever is behind the handler may write into it.
  const headers = { ...known.headers, age: String(age) }
  if (known.validators && notModified(options.headers, known.validators)) {
    delivery.start(304, notModifiedHeaders(headers))
  } else {
    delivery.start(entry.status, headers)
    if (options.method !== 'HEAD' && entry.body.length > 0) delivery.data(entry.body)
  }
  delivery.end({})
}

/** Sends the leader of a fill the answer that it brought, live, as far as he asked for it: the fill asked for all. */
export function deliverLive(live: LiveAnswer, head: Head, { options, delivery }: Call): void {
  const headers = clientHeaders(head.headers)
  const validators = validatorsOf(head.status, head.headers)
  const unchanged = validators !== undefined && notModified(options.headers, validators)
  if (!unchanged && options.method !== 'HEAD') {
    live.take(delivery, headers)
    return
  }
  live.abort(new Error('only the head was asked for'))
  if (unchanged) delivery.start(304, notModifiedHeaders(headers))
  else delivery.start(head.status, headers, head.message)
  delivery.end({})
}

function prepare(entry: Entry): Prepared {
  // Without a prototype: a field may be called `constructor`.
  const headers: AnswerHeaders = Object.create(null)
  for (const [name, value] of entry.headers) {
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return { headers, validators: validatorsOf(entry.status, headers) }
}
