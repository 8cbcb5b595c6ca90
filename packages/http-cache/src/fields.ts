/** Header fields as undici hands them over: of requests in three shapes, of answers as a record. */
import type { Dispatcher } from 'undici'

export type RequestHeaders = Dispatcher.DispatchOptions['headers']
/** Names in lower case; a repeated field is a list. What `onResponseStart` receives. */
export type AnswerHeaders = Record<string, string | string[] | undefined>

/** A request's field, its lines joined as RFC 9110 (5.3) allows; `name` in lower case. */
export function requestField(headers: RequestHeaders, name: string): string | undefined {
  if (headers === null || headers === undefined) return undefined
  let found: string | undefined
  const see = (field: string, value: unknown) => {
    // Length first: this runs for every field of every hit.
    if (field.length !== name.length || field.toLowerCase() !== name || value === undefined || value === null) return
    const text = Array.isArray(value) ? value.join(', ') : String(value)
    found = found === undefined ? text : `${found}, ${text}`
  }
  visit(headers, see)
  return found
}

/** The same headers without the fields named (in lower case), as names and values in turn. */
export function withoutFields(headers: RequestHeaders, names: ReadonlySet<string>): string[] {
  const kept: unknown[] = []
  visit(headers ?? [], (name, value) => {
    if (!names.has(name.toLowerCase())) kept.push(name, value)
  })
  // undici takes a list as a value here too, which its types do not say.
  return kept as string[]
}

/** An answer's field, its lines joined. */
export function answerField(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Bytes; undefined where it is absent or none (RFC 9110, 8.6). */
export function contentLength(headers: AnswerHeaders): number | undefined {
  const value = answerField(headers, 'content-length')
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined
}

/** An answer's fields of its lines, names in lower case. */
export function recordOf(lines: readonly (readonly [name: string, value: string])[]): AnswerHeaders {
  // Without a prototype: a field may be called `constructor`.
  const record: AnswerHeaders = Object.create(null)
  for (const [name, value] of lines) {
    const before = record[name]
    record[name] = before === undefined ? value : [before, value].flat()
  }
  return record
}

/** The members of a comma-separated field, trimmed, without empty ones (RFC 9110, 5.6.1). */
export function members(value: string | undefined): string[] {
  if (value === undefined) return []
  return value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '')
}

/** How long they are together, as they are sent. */
export function sizeOf(headers: RequestHeaders): number {
  let size = 0
  eachLine(headers, (name, value) => {
    size += name.length + value.length + 4
  })
  return size
}

/** Every field line of a request. */
export function eachLine(headers: RequestHeaders, see: (name: string, value: string) => void): void {
  visit(headers ?? [], (name, value) => {
    if (Array.isArray(value)) for (const line of value) see(name, String(line))
    else if (value !== undefined && value !== null) see(name, String(value))
  })
}

function visit(headers: NonNullable<RequestHeaders>, see: (name: string, value: unknown) => void): void {
  if (Array.isArray(headers)) {
    for (let i = 0; i + 1 < headers.length; i += 2) see(headers[i] as string, headers[i + 1])
  } else if (isIterable(headers)) {
    for (const [name, value] of headers) see(name, value)
  } else {
    for (const name in headers) see(name, headers[name])
  }
}

function isIterable(headers: object): headers is Iterable<[string, string | string[] | undefined]> {
  return Symbol.iterator in headers
}
