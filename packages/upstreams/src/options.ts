/** What a cluster is made of. */
import type { Resolve } from './addresses.ts'
import type { CheckSpec } from './check-spec.ts'
import type { ClusterLimits } from './cluster-limits.ts'
import type { EndpointSpec } from './discovery.ts'
import type { PolicyName } from './policies/policies.ts'
import type { Policy } from './policies/policy.ts'
import type { TlsSpec } from './tls.ts'
import type { Transition } from './transition.ts'

export interface UpstreamsOptions {
  /** The cluster's name, as logs, metrics and cache keys have it. */
  readonly name: string
  /**
   * Origins, such as `http://127.0.0.1:5000`; at least one, each once. `dns+http://name:port` and `dns+https://name:port`
   * (Thanos' spelling) are an endpoint for each address of the name, A and AAAA: asked for every 5 s, and the last good
   * answer stands 30 s where none comes. Requests have the name in `Host`, and an https endpoint's certificate must.
   */
  readonly endpoints: readonly (string | EndpointSpec)[]
  /** How one of the usable endpoints is chosen: by name, or one of one's own. Default: `p2c-ewma`. */
  readonly policy?: PolicyName | Policy
  /** What active checks ask for; `false`: no active checks, every endpoint counts as up. Default: `GET /ready`. */
  readonly check?: CheckSpec | false
  /** Of https endpoints. Default: verified by Node's authorities, without a certificate of our own. */
  readonly tls?: TlsSpec
  /**
   * Addresses and CIDRs that its endpoints may have although connections lead to none such: link-local ones, `0.0.0.0/8`,
   * multicast, reserved ones and broadcast, those of clouds' metadata. Default: none.
   */
  readonly allowAddresses?: readonly string[]
  /** How much the cluster may have to do at once; what is over it is refused with 503. */
  readonly limits?: ClusterLimits | undefined
  /** Told of each change of an endpoint, of what DNS says, and of what operators do; for log lines and metrics. */
  readonly onTransition?: (transition: Transition) => void
  /** Gives the addresses of a name, or rejects. Default: getaddrinfo, so that /etc/hosts counts too. */
  readonly resolve?: Resolve
  /** Milliseconds, monotonic. Default: `performance.now`. */
  readonly clock?: () => number
  /** Default: `Math.random`. */
  readonly random?: () => number
}
