/** Which addresses a connection may lead to: none that is no service's, unless it is said so. */
import { BlockList, isIP } from 'node:net'

/** Whether a connection may lead to an IP address. */
export type Destinations = (address: string) => boolean

/**
 * What a name or a URL of an upstream has no business to mean, whoever wrote it or its DNS: this host as `0.0.0.0`, the link
 * (where clouds keep their machines' credentials), several hosts at once, and clouds' metadata at other addresses. Loopback
 * and private networks are where services live.
 */
const PROHIBITED = [
  ...['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/128', 'fe80::/10', 'ff00::/8'],
  // Of Alibaba, Azure (its wire server), Oracle; of AWS (with the credentials of containers), Google, Scaleway.
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192'],
  ...['fd00:ec2::/32', 'fd20:ce::254', 'fd00:42::42'],
]

/** What an IPv4 address is behind in IPv6: NAT64 (RFC 6052, 8215), translated and compatible ones (RFC 2765; RFC 4291, 2.5.5.1). */
const CARRIERS = ['64:ff9b::', '64:ff9b:1::', '::ffff:0:', '::']

/**
 * @param allow addresses and CIDRs that may be reached all the same
 * @throws {TypeError} on one that is none
 */
export function destinations(allow: readonly string[] = []): Destinations {
  // Loopback is no compatible address, though it looks like that of 0.0.0.1.
  const [prohibited, allowed] = [blockListOf(PROHIBITED), blockListOf(['::1', ...allow])]
  return (address) => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    return allowed.check(address, family) || !prohibited.check(address, family)
  }
}

function blockListOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList()
  for (const cidr of cidrs) {
    const { network, prefix, family } = networkOf(cidr)
    list.addSubnet(network, prefix, family)
    if (family === 'ipv6') continue
    // Mapped ones (`::ffff:`) BlockList knows by itself.
    for (const carrier of CARRIERS) list.addSubnet(carrier + network, 96 + prefix, 'ipv6')
    // 6to4 (RFC 3056, 2).
    const [a = 0, b = 0, c = 0, d = 0] = network.split('.').map(Number)
    list.addSubnet(`2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::`, 16 + prefix, 'ipv6')
  }
  return list
}

function networkOf(cidr: string) {
  const [, network = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(cidr) ?? []
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  const longest = family === 'ipv6' ? 128 : 32
  const prefix = Number(bits ?? longest)
  if (isIP(network) !== 0 && prefix <= longest) return { network, prefix, family } as const
  throw new TypeError(`allowAddresses has ${cidr}; it must be an address or a CIDR such as 10.0.0.0/8, fd00::/8`)
}
