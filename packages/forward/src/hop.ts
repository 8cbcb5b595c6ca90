/** What one hop is called in the fields it writes, and which fields end at it in either direction. */
import type { FieldChanges, ForwardOptions } from './options.ts'

/** RFC 9110, 7.6.1, and the fields around it that speak to the next hop only. */
const HOP_BY_HOP = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'x-load']

/** Fields that this hop writes anew on the way out, or that end here; `proxy-*` end here too. */
const REQUEST_ENDS = [
  ...HOP_BY_HOP,
  'content-length',
  'expect',
  'forwarded',
  'host',
  // No such field is known, but many a program takes the variable that CGI makes of it for its own proxy (CVE-2016-5385).
  'proxy',
  'traceparent',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
  'x-timeout-ms',
]

/** Fields of an answer that this hop writes anew, or that end here. */
const ANSWER_ENDS = [
  ...HOP_BY_HOP,
  'cache-status',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'proxy-status',
  'server-timing',
  'via',
  'x-request-id',
  'x-served-by',
]

const RESERVED: ReadonlySet<string> = new Set([...REQUEST_ENDS, ...ANSWER_ENDS])

/** Whether nobody may set or remove this field: it is about one hop, the framing or `Host`, or a hop writes it itself. */
export function reservedField(name: string): boolean {
  const lower = name.toLowerCase()
  return RESERVED.has(lower) || lower.startsWith('proxy-')
}

export interface Hop {
  /** As a bare item of a structured field (RFC 9651). */
  readonly name: string
  /** As a member of `Via`. */
  readonly via: string
  readonly namesItself: boolean
  readonly preservesHost: boolean
  /** The client's fields that do not go on, as {@link asVariable} has them, and those that are sent in any case, names and values in turn. */
  readonly requestEnds: ReadonlySet<string>
  readonly requestSet: readonly string[]
  /** The same of an answer's. */
  readonly answerEnds: ReadonlySet<string>
  readonly answerSet: readonly string[]
}

/** A name as a token of a structured field where it can be one, else as a string (RFC 9651, 3.3). */
export function bareItem(name: string): string {
  return /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/.test(name) ? name : JSON.stringify(name)
}

export function createHop(options: ForwardOptions): Hop {
  const { name, namesItself = true, host = 'upstream', identity = 'none', headers = {} } = options
  const requestEnds = identity === 'forward' ? REQUEST_ENDS : [...REQUEST_ENDS, 'authorization']
  return {
    name: bareItem(name),
    via: `1.1 ${name}`,
    namesItself,
    preservesHost: host === 'preserve',
    requestEnds: new Set([...requestEnds, ...changed(headers.request).map(asVariable)]),
    requestSet: Object.entries(headers.request?.set ?? {}).flat(),
    answerEnds: new Set([...ANSWER_ENDS, ...changed(headers.response)]),
    answerSet: Object.entries(headers.response?.set ?? {}).flat(),
  }
}

function changed({ set = {}, remove = [] }: FieldChanges = {}): string[] {
  return [...Object.keys(set), ...remove].map((name) => name.toLowerCase())
}

/**
 * A request's field as CGI, WSGI, Rack and PHP read it: `x_user` and `x-user` are one variable (RFC 3875, 4.1.18), so that
 * what ends here under one name ends under both.
 */
export function asVariable(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name
}

/** The fields a `Connection` field names, in lower case; undefined where it names none, which is nearly always. */
export function namedByConnection(connection: string | string[] | undefined): string[] | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return String(connection)
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
}

/** `value` after what is there already, as list-based fields grow (RFC 9110, 5.3). */
export function appended(list: string | string[] | undefined, value: string): string {
  return list === undefined || list.length === 0 ? value : `${list}, ${value}`
}
