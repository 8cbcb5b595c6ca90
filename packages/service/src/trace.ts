/** Who a request is: its id, and its place in a trace (W3C Trace Context), made where the caller sent none. */
import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { within } from './addresses.ts'

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/

/** Whether a request's sender may name it; it is asked only where the name is harmless in headers and logs. */
type Believes = (raw: IncomingMessage) => boolean

/** The sender's `x-request-id`, where it is harmless and believed, else a new one. */
export function requestId(raw: IncomingMessage, believes: Believes): string {
  const given = raw.headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) && believes(raw) ? given : newRequestId()
}

export function newRequestId(): string {
  return randomHex(16)
}

/** @param peers addresses and CIDRs of those who are believed; undefined: everybody, where only our own can ask */
export function believing(peers: readonly string[] | undefined): Believes {
  if (peers === undefined) return () => true
  const isPeer = within(peers)
  /** What another hop sends comes on few connections, and looking an address up costs more than remembering. */
  const known = new WeakMap<Socket, boolean>()
  return ({ socket }) => {
    const before = known.get(socket)
    if (before !== undefined) return before
    const believed = isPeer(socket.remoteAddress ?? '')
    known.set(socket, believed)
    return believed
  }
}

export interface Trace {
  /** 32 hex digits, the same at every hop. */
  traceId: string
  /** The header for the next hop: the same trace, this hop as parent. */
  traceparent: string
}

/**
 * Continues the caller's trace, or begins one. A malformed `traceparent` is ignored; one of a later version is read as far
 * as version 00 goes (W3C Trace Context 3.2.2 and 4.3).
 */
export function continueTrace(traceparent: string | undefined): Trace {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent)
  if (match === null || !isValid(match)) {
    const random = randomHex(24)
    return trace(random.slice(0, 32), random.slice(32), SAMPLED)
  }
  return trace(match[2] ?? '', randomHex(8), Number.parseInt(match[4] ?? '', 16) & KNOWN_FLAGS)
}

function isValid([, version = '', traceId = '', parentId = '', , rest]: RegExpExecArray): boolean {
  const known = version === '00' ? rest === undefined : version !== 'ff'
  return known && !ZEROS.test(traceId) && !ZEROS.test(parentId)
}

const SAMPLED = 1
/** Sampled, and random trace id (Trace Context level 2); unknown flags must not be passed on. */
const KNOWN_FLAGS = 3

function trace(traceId: string, parentId: string, flags: number): Trace {
  return { traceId, traceparent: `00-${traceId}-${parentId}-0${flags}` }
}

/** Random bytes that nobody has had yet, from `at` on: asking for many at once costs a tenth for each. */
const pool = Buffer.alloc(4096)
let at = pool.length

function randomHex(bytes: number): string {
  if (at + bytes > pool.length) {
    randomFillSync(pool)
    at = 0
  }
  at += bytes
  return pool.toString('hex', at - bytes, at)
}
