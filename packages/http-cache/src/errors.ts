/** What this package answers for itself; docs/errors.md lists the codes. */
import type { ProxyErrorType } from '@spillway/upstreams'

/** The client asked for a stored answer or none (RFC 9111, 5.2.1.7), and there is none here. */
export class OnlyIfCached extends Error {
  override name = 'OnlyIfCached'
  readonly code = 'only_if_cached'
  readonly statusCode = 504
  readonly title = 'No stored answer is at hand'

  constructor() {
    super('the request asks for a stored answer only, and this gateway holds none')
  }
}

/** The request to the origin that this one waited for failed, and its answer cannot be shown here. */
export class FillFailed extends Error {
  override name = 'FillFailed'
  readonly code = 'fill_failed'
  readonly statusCode: number
  readonly title = 'The request that this one waited for failed'
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, type: ProxyErrorType) {
    super(`the origin was asked once for all who waited, which failed: ${type}`)
    this.statusCode = status >= 500 && status <= 599 ? status : 502
    // Seconds; as for a failure of this reader's own.
    this.headers = status === 503 ? { 'retry-after': '2' } : {}
  }
}

/** No byte that `Range` asks for exists (RFC 9110, 15.5.17). */
export class RangeNotSatisfiable extends Error {
  override name = 'RangeNotSatisfiable'
  readonly code = 'range_not_satisfiable'
  readonly statusCode = 416
  readonly title = 'There are no such bytes'
  readonly headers: Readonly<Record<string, string>>

  /** `length`: of the whole body, in bytes. */
  constructor(length: number) {
    super(`the answer is ${length} bytes long, and the range lies behind them`)
    this.headers = { 'content-range': `bytes */${length}` }
  }
}
