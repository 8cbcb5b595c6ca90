/** Which client addresses a route is for. */
import { isIP } from 'node:net'
import { within } from '@spillway/service'

export interface Admission {
  /** Addresses and CIDRs. Default: all. */
  readonly allow?: readonly string[] | undefined
  /** Out of those that are allowed. Default: none. */
  readonly deny?: readonly string[] | undefined
}

/** Undefined where everybody may come. What is no address, as a trusted peer may hand on, may not. */
export function admission({ allow, deny = [] }: Admission): ((address: string) => boolean) | undefined {
  if (allow === undefined && deny.length === 0) return undefined
  const isAllowed = allow ? within(allow) : () => true
  const isDenied = within(deny)
  return (given) => isIP(given.split('%', 1)[0] ?? '') !== 0 && !isDenied(given) && isAllowed(given)
}
