/** One undici Dispatcher over many endpoints: chooses one for each request and learns from what becomes of it. */
import { Dispatcher } from 'undici'
import type { EndpointView } from './endpoint.ts'
import type { PolicyName } from './policy.ts'

export interface UpstreamsOptions {
  /** The cluster's name, as logs, metrics and cache keys have it. */
  readonly name: string
  /** Origins, such as `http://127.0.0.1:5000`; at least one, each once. */
  readonly endpoints: readonly string[]
  readonly policy: PolicyName
  /** What active checks ask for; `false`: no active checks, every endpoint counts as up. Default: `/ready`. */
  readonly check?: { readonly path: string } | false
  /** Told of each change of an endpoint's condition or intent; for log lines and metrics. */
  readonly onTransition?: (transition: Transition) => void
  /** Milliseconds, monotonic. Default: `performance.now`. */
  readonly clock?: () => number
  /** Default: `Math.random`. */
  readonly random?: () => number
}

/** An endpoint's change: `from` and `to` are conditions, or intents. */
export interface Transition {
  /** The endpoint's origin. */
  readonly endpoint: string
  readonly from: string
  readonly to: string
  readonly reason: string
}

export class Upstreams extends Dispatcher {
  readonly name: string

  /** @throws {TypeError} on a bad origin, none, or the same twice */
  constructor(options: UpstreamsOptions) {
    super()
    this.name = options.name
  }

  /** How many endpoints would be chosen now. */
  get available(): number {
    return 0
  }

  endpoints(): EndpointView[] {
    return []
  }
}
