/** Every way an upstream can fail us, with its RFC 9209 type and the status that answers it; for `forward` and for retrying. */
import type { ProxyErrorType } from './exchange.ts'

/** By code. Each is documented in docs/errors.md. */
const KINDS = {
  no_usable_upstream: 'No upstream can take the request now',
  upstream_overloaded: 'Too many requests are waiting for the upstream',
  upstream_unreachable: 'The upstream could not be reached',
  upstream_failed: 'The upstream broke off or answered badly',
  upstream_timeout: 'The upstream did not answer in time',
  request_not_forwardable: 'The request cannot be sent on as it is',
} as const
export type UpstreamErrorCode = keyof typeof KINDS
export const codes = Object.keys(KINDS) as readonly UpstreamErrorCode[]

/** What each RFC 9209 type answers with, where this hop makes the answer. */
const ANSWERS: Record<ProxyErrorType, readonly [status: number, code: UpstreamErrorCode]> = {
  destination_unavailable: [503, 'no_usable_upstream'],
  connection_limit_reached: [503, 'upstream_overloaded'],
  connection_refused: [502, 'upstream_unreachable'],
  connection_terminated: [502, 'upstream_failed'],
  connection_timeout: [504, 'upstream_timeout'],
  connection_write_timeout: [504, 'upstream_timeout'],
  connection_read_timeout: [504, 'upstream_timeout'],
  destination_ip_prohibited: [502, 'upstream_unreachable'],
  dns_error: [502, 'upstream_unreachable'],
  dns_timeout: [504, 'upstream_timeout'],
  tls_protocol_error: [502, 'upstream_unreachable'],
  tls_certificate_error: [502, 'upstream_unreachable'],
  http_request_error: [400, 'request_not_forwardable'],
  http_response_incomplete: [502, 'upstream_failed'],
  http_response_timeout: [504, 'upstream_timeout'],
  http_protocol_error: [502, 'upstream_failed'],
  http_upgrade_failed: [502, 'upstream_failed'],
  proxy_internal_error: [502, 'upstream_failed'],
}

/** Seconds a client is asked to wait where no upstream can be used: one interval of active checks. */
const RETRY_AFTER_S = '2'

/** What a dispatch to upstreams ends with when it fails; undici's or the system's error is its `cause`. */
export class UpstreamError extends Error {
  override name = 'UpstreamError'
  readonly type: ProxyErrorType
  readonly code: UpstreamErrorCode
  readonly statusCode: number
  readonly title: string
  readonly headers: Readonly<Record<string, string>>
  /** Whether any of the request may have reached the upstream; if not, any method may be sent elsewhere. */
  readonly sent: boolean

  constructor(type: ProxyErrorType, { sent, cause, detail }: { sent: boolean; cause?: unknown; detail?: string }) {
    const [status, code] = ANSWERS[type]
    super(detail ?? KINDS[code], { cause })
    this.type = type
    this.code = code
    this.statusCode = status
    this.title = KINDS[code]
    this.headers = status === 503 ? { 'retry-after': RETRY_AFTER_S } : {}
    this.sent = sent
  }
}

/** The status that answers a failure of this type: 502, 503, 504, or 400 for `http_request_error`. */
export function statusOf(type: ProxyErrorType): number {
  return ANSWERS[type][0]
}

/** undici's and the system's error codes, by what they mean (RFC 9209, section 2.3). */
const TYPES: Record<string, ProxyErrorType> = {
  ECONNREFUSED: 'connection_refused',
  EHOSTUNREACH: 'connection_refused',
  ENETUNREACH: 'connection_refused',
  // Our own ports or files have run out; no endpoint can help it.
  EADDRNOTAVAIL: 'connection_limit_reached',
  EMFILE: 'connection_limit_reached',
  ENFILE: 'connection_limit_reached',
  ECONNRESET: 'connection_terminated',
  EPIPE: 'connection_terminated',
  UND_ERR_SOCKET: 'connection_terminated',
  ETIMEDOUT: 'connection_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connection_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'http_response_timeout',
  UND_ERR_BODY_TIMEOUT: 'connection_read_timeout',
  UND_ERR_CLOSED: 'destination_unavailable',
  UND_ERR_DESTROYED: 'destination_unavailable',
  ERR_ADDRESS_PROHIBITED: 'destination_ip_prohibited',
  ENOTFOUND: 'dns_error',
  EAI_FAIL: 'dns_error',
  EAI_AGAIN: 'dns_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'http_protocol_error',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'http_response_incomplete',
  UND_ERR_INVALID_ARG: 'http_request_error',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'http_request_error',
}

/** OpenSSL's verification failures, as Node names them. */
const CERTIFICATE =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|PATH_LENGTH)/

/** The RFC 9209 type of whatever a dispatch failed with: ours, undici's, or the system's. */
export function proxyError(error: Error): ProxyErrorType {
  if (error instanceof UpstreamError) return error.type
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  const known = TYPES[code]
  if (known) return known
  // Of its parser's errors, undici gives some no code.
  if (error.name === 'HTTPParserError' || code.startsWith('HPE_')) return 'http_protocol_error'
  if (CERTIFICATE.test(code)) return 'tls_certificate_error'
  if (/^(ERR_SSL|ERR_TLS|EPROTO)/.test(code)) return 'tls_protocol_error'
  return 'proxy_internal_error'
}
