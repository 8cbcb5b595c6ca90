/** Why a request got no answer, as an error that a service turns into problem details: for createForward and its callers. */
import { type Exchange, proxyError, UpstreamError } from '@spillway/upstreams'
import type { Hop } from './hop.ts'

/** An error that knows its own answer, as the packages around dispatching throw them. */
interface Answerable {
  code: string
  statusCode: number
  title?: string
  headers?: Readonly<Record<string, string>>
}

/** A hop that failed before its answer began; `headers` hold `Proxy-Status` (RFC 9209), and `Retry-After` on a 503. */
export class HopFailure extends Error {
  override name = 'HopFailure'
  readonly code: string
  readonly statusCode: number
  readonly title: string
  readonly headers: Readonly<Record<string, string>>

  constructor(cause: Error, hop: Hop, exchange: Exchange) {
    const type = cause instanceof UpstreamError ? cause.type : (exchange.error ?? proxyError(cause))
    const known: Answerable = isAnswerable(cause) ? cause : new UpstreamError(type, { sent: true, cause })
    super((known as Answerable & Error).message, { cause })
    this.code = known.code
    this.statusCode = known.statusCode
    this.title = known.title ?? this.message
    this.headers = { ...known.headers, 'proxy-status': `${hop.name}; error=${type}` }
  }
}

function isAnswerable(error: Error): error is Error & Answerable {
  return (
    typeof (error as Partial<Answerable>).statusCode === 'number' &&
    /^[a-z_]+$/.test(String((error as Partial<Answerable>).code))
  )
}
