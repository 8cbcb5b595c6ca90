import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { destinations } from './destinations.ts'
import { hostOf } from './discovery.ts'

const usual = destinations()
/** The address as an upstream's URL comes to it. */
const written = (host: string) => hostOf(`http://${host}`)

/** The last two groups of an IPv6 address that carries an IPv4 one. */
function groups(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

const carried = (address: string) => [
  `::ffff:${address}`,
  `64:ff9b::${address}`,
  `64:ff9b:1::${groups(address)}`,
  `::ffff:0:${address}`,
  `2002:${groups(address)}::1`,
]

describe('a connection may lead', () => {
  it.each([
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.0.1',
      '100.64.0.1',
      '198.51.100.7',
      '1.1.1.1',
      '223.255.255.255',
    ],
    ...['::1', 'fc00::1', 'fd12:3456::1', '2606:4700::1111', '2001:db8::1'],
  ])('to %s', (address) => {
    expect(usual(address)).toBe(true)
    if (!address.includes(':')) expect(carried(address).map(usual)).toEqual(Array(5).fill(true))
  })
})

describe('a connection may not lead', () => {
  it.each([
    ...['169.254.169.254', '169.254.0.1', '169.254.170.2', '0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255'],
    ...['240.0.0.1', '255.255.255.255', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
  ])('to %s, nor to what carries it in IPv6', (address) => {
    expect(usual(address)).toBe(false)
    for (const each of carried(address)) expect(usual(each), each).toBe(false)
  })

  it.each([
    ...['::', 'fe80::1', 'febf::1', 'ff02::1', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fd00:42::42'],
    ...['::169.254.169.254', '64:FF9B::A9FE:A9FE', '0:0:0:0:0:ffff:a9fe:a9fe'],
  ])('to %s', (address) => expect(usual(address)).toBe(false))

  it.each([
    ...['2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169.16689662', '0xA9.0376.169.254'],
    ...['169.254.169.254.', '①⑥⑨.254.169.254', '[::ffff:169.254.169.254]', '[::FFFF:A9FE:A9FE]', '0', '[::0]'],
  ])('to %s, as URLs spell it', (host) => expect(usual(written(host))).toBe(false))

  it('to any link-local address, however it is written', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), (c, d) => {
        const number = ((169 * 256 + 254) * 256 + c) * 256 + d
        const spelt = [`${number}`, `0x${number.toString(16)}`, `0251.254.${c * 256 + d}`, `[::ffff:169.254.${c}.${d}]`]
        for (const host of spelt) expect(usual(written(host)), host).toBe(false)
        for (const address of carried(`169.254.${c}.${d}`)) expect(usual(address), address).toBe(false)
      }),
    )
  })
})

describe('what is allowed', () => {
  it('is allowed in every form, and nothing else', () => {
    const own = destinations(['169.254.20.10', 'fe80::/64', '224.0.0.0/8'])
    expect(['169.254.20.10', '::ffff:169.254.20.10', '64:ff9b::a9fe:140a', 'fe80::5', '224.9.9.9'].map(own)).toEqual(
      Array(5).fill(true),
    )
    expect(['169.254.20.11', 'fe80:0:0:1::1', '225.0.0.1'].map(own)).toEqual([false, false, false])
  })

  it.each(['', '10.0.0.0/33', 'fd00::/129', 'localhost', '10.0.0', '10.0.0.0/'])('is no address: %j', (cidr) => {
    expect(() => destinations([cidr])).toThrow(
      `allowAddresses has ${cidr}; it must be an address or a CIDR such as 10.0.0.0/8, fd00::/8`,
    )
  })
})
