/** Sets of addresses, named by CIDRs. */
import { BlockList, isIP } from 'node:net'

/**
 * Whether an address is in one of them; what is no address is in none. A zone is passed over, and an IPv4 address in IPv6
 * form is the IPv4 address.
 *
 * @param cidrs addresses and CIDRs, as the setting `cidrs` takes them
 */
export function within(cidrs: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/')
    const family = familyOf(address) ?? 'ipv4'
    list.addSubnet(address, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family)
  }
  return (given) => {
    const [address = ''] = given.split('%', 1)
    const family = familyOf(address)
    return family !== undefined && list.check(address, family)
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  return ({ 4: 'ipv4', 6: 'ipv6' } as const)[isIP(address)]
}
