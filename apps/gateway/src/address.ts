/** Whose an address is, for whoever counts: one IPv4 address, or the /64 of an IPv6 one, which is what a household has (RFC 6177). */
import { isIPv6 } from 'node:net'

/** What is no address is left as it is. */
export function addressBlock(address: string): string {
  if (!address.includes(':')) return address
  const groups = groupsOf(address)
  if (!groups) return address
  const [high = 0, low = 0] = groups.slice(6)
  // RFC 4291, 2.5.5.2: an IPv4 address as sockets for both kinds show it.
  const isMapped = groups.slice(0, 6).join() === '0,0,0,0,0,65535'
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** The eight groups of an IPv6 address (RFC 4291, 2.2). */
function groupsOf(address: string): number[] | undefined {
  const [bare = ''] = address.split('%')
  if (!isIPv6(bare)) return undefined
  const [head = '', tail] = bare.split('::')
  const before = parsed(head)
  const after = parsed(tail ?? '')
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function parsed(part: string): number[] {
  return (part === '' ? [] : part.split(':')).flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}
