/** Which client addresses a route is for. */
import { BlockList, isIP } from 'node:net'

export interface Admission {
  /** Addresses and CIDRs. Default: all. */
  readonly allow?: readonly string[] | undefined
  /** Out of those that are allowed. Default: none. */
  readonly deny?: readonly string[] | undefined
}

/** Undefined where everybody may come. What is no address, as a trusted peer may hand on, may not. */
export function admission({ allow, deny = [] }: Admission): ((address: string) => boolean) | undefined {
  if (allow === undefined && deny.length === 0) return undefined
  const allowed = allow && blocks(allow)
  const denied = blocks(deny)
  return (given) => {
    const [address = ''] = given.split('%', 1)
    const family = FAMILIES[isIP(address)]
    return family !== undefined && !denied.check(address, family) && (allowed?.check(address, family) ?? true)
  }
}

const FAMILIES: Readonly<Record<number, 'ipv4' | 'ipv6'>> = { 4: 'ipv4', 6: 'ipv6' }

function blocks(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const family = FAMILIES[isIP(address)] ?? 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return list
}
