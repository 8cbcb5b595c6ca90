/** Which requests are refused: those that Node's parser lets through and that another reader might read otherwise. */
import type { IncomingMessage } from 'node:http'
import { target } from './target.ts'

/** By code; each is documented in docs/errors.md. */
const REFUSALS = {
  ambiguous_request: [400, 'The request can be read in more than one way'],
  method_not_forwarded: [405, 'This method is not forwarded'],
  http_version_not_supported: [505, 'This version of HTTP is not spoken here'],
} as const
export const refusals = Object.keys(REFUSALS)

/** A request that goes no further; its connection is closed, since what follows on it cannot be trusted. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly code: keyof typeof REFUSALS
  readonly statusCode: number
  readonly title: string
  readonly headers: Readonly<Record<string, string>>

  constructor(code: keyof typeof REFUSALS, detail: string, headers: Record<string, string> = {}) {
    super(detail)
    const [status, title] = REFUSALS[code]
    this.code = code
    this.statusCode = status
    this.title = title
    this.headers = { connection: 'close', ...headers }
  }
}

/** `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2); empty where the client knows no host. */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i

/**
 * Undefined for a request that may be passed on. Conflicting lengths, a length beside a transfer coding, folded fields
 * and control characters Node refuses itself.
 */
export function refusal(raw: IncomingMessage): Refusal | undefined {
  const { method, httpVersion, httpVersionMajor } = raw
  if (httpVersionMajor !== 1) {
    return new Refusal('http_version_not_supported', `HTTP/${httpVersion} is not spoken here; HTTP/1.1 is`)
  }
  if (method === 'TRACE' || method === 'CONNECT') {
    return new Refusal('method_not_forwarded', `${method} ends here`, {
      allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    })
  }
  const ambiguity = ofTarget(raw) ?? ofFraming(raw)
  return ambiguity === undefined ? undefined : new Refusal('ambiguous_request', ambiguity)
}

/** For what follows a request that had to be the last one of its connection. */
export function refusalBehind(): Refusal {
  return new Refusal('ambiguous_request', 'it came behind a request with which its connection ends')
}

/** RFC 9112, 3.2. */
function ofTarget(raw: IncomingMessage): string | undefined {
  const { url = '', headers, httpVersionMinor } = raw
  const asked = target(raw)
  if (asked === undefined) return 'the target is neither a path nor an http URL'
  if (url.includes('#')) return 'the target has a fragment'
  const { host } = headers
  if (host === undefined) return httpVersionMinor === 0 ? undefined : 'there is no Host field'
  if (hostsOf(raw) > 1) return 'there is more than one Host field'
  if (!AUTHORITY.test(host)) return 'the host is no host and port'
  if (asked.authority !== host && !AUTHORITY.test(asked.authority ?? '')) return 'the target’s host is no host and port'
  return undefined
}

function hostsOf({ rawHeaders }: IncomingMessage): number {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}

/** RFC 9112, 6. */
function ofFraming({ headers, httpVersionMinor }: IncomingMessage): string | undefined {
  const coding = headers['transfer-encoding']
  // Node takes `gzip, chunked` and undoes the chunks alone: what is left could not be named to the next hop.
  if (coding !== undefined && (httpVersionMinor === 0 || coding.toLowerCase() !== 'chunked')) {
    return 'the only transfer coding is chunked, and HTTP/1.0 knows none'
  }
  // Beyond this a number is rounded, here and in many an upstream.
  if (Number(headers['content-length'] ?? 0) > Number.MAX_SAFE_INTEGER) return 'the length is beyond 2^53 - 1'
  return undefined
}
