/** The head of a request as the next hop gets it: the client's end-to-end fields, and what a proxy adds. */
import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { appended, asVariable, type Hop, namedByConnection } from './hop.ts'
import type { Served } from './options.ts'

const HEADERS_WITHIN_MS = 15_000
/** `Prefer: wait=` beyond this is not granted: five minutes, as long as any silent connection may last. */
const MAX_WAIT_S = 300

/**
 * Milliseconds the answer's headers may take from the request's end: `within`, and what `Prefer: wait=N` (RFC 7240) adds.
 * The caller's `x-timeout-ms` can only shorten it, whoever the caller is; what it has `waited` here is taken off.
 */
export function timeAllowed({ headers }: IncomingMessage, within = HEADERS_WITHIN_MS, waited = 0): number {
  const { prefer } = headers
  const wait = prefer === undefined ? undefined : /(?:^|[\s,])wait=(\d{1,9})/i.exec(String(prefer))?.[1]
  const ours = within + (wait === undefined ? 0 : Math.min(Number(wait), MAX_WAIT_S) * 1000)
  const given = headers['x-timeout-ms']
  return typeof given === 'string' && /^\d{1,9}$/.test(given) ? Math.min(Number(given), ours) - waited : ours - waited
}

/** Names and values in turn, names in lower case. `content-length` is kept where the client's body is streamed. */
export function requestHead(
  request: FastifyRequest,
  hop: Hop,
  { timeout, authority, streamed }: { timeout: number; authority: string | undefined; streamed: boolean },
): string[] {
  const { headers, httpVersion } = request.raw
  // Fastify resolves the peers it was told to trust: more than the peer itself means that its word was taken.
  const trusted = headers['x-forwarded-for'] !== undefined && (request.ips?.length ?? 1) > 1
  const head = endToEnd(request, hop, trusted)
  if (hop.requestSet.length > 0) head.push(...hop.requestSet)
  if (hop.preservesHost && authority !== undefined) head.push('host', authority)
  if (streamed && headers['content-length'] !== undefined) head.push('content-length', headers['content-length'])
  head.push('via', appended(headers.via, httpVersion === '1.1' ? hop.via : hop.via.replace('1.1', httpVersion)))
  introduce(head, request, authority, trusted ? headers : {})
  const traceparent = (request as unknown as Served).trace?.traceparent ?? headers['traceparent']
  if (traceparent !== undefined) head.push('traceparent', String(traceparent))
  head.push('x-request-id', request.id, 'x-timeout-ms', String(Math.ceil(timeout)))
  return head
}

/** What the client sent for whoever answers. */
function endToEnd({ raw: { headers, rawHeaders } }: FastifyRequest, hop: Hop, trusted: boolean): string[] {
  const named = namedByConnection(headers.connection)
  const head: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const read = asVariable(name)
    if (hop.requestEnds.has(read) || read.startsWith('proxy-') || named?.includes(name)) continue
    if ((!trusted || read !== name) && read.startsWith('x-forwarded-')) continue
    head.push(name, rawHeaders[i + 1] as string)
  }
  return head
}

/** Says who asked, after what is believed of those `before`: `Forwarded` (RFC 7239) and its predecessors. */
function introduce(
  head: string[],
  request: FastifyRequest,
  authority: string | undefined,
  before: IncomingMessage['headers'],
): void {
  const peer = request.raw.socket.remoteAddress ?? 'unknown'
  const address = peer.startsWith('::ffff:') ? peer.slice(7) : peer
  const proto = request.protocol
  head.push('forwarded', appended(before.forwarded, forwarded(address, authority, proto)))
  head.push('x-forwarded-for', appended(before['x-forwarded-for'], address), 'x-forwarded-proto', proto)
  const host = before['x-forwarded-host'] ?? authority
  if (host !== undefined) head.push('x-forwarded-host', String(host))
}

/** This hop's element of `Forwarded` (RFC 7239, 4). */
function forwarded(address: string, authority: string | undefined, proto: string): string {
  const node = address.includes(':') ? `"[${address}]"` : address
  const host = authority === undefined ? '' : `;host=${JSON.stringify(authority)}`
  return `for=${node}${host};proto=${proto}`
}
