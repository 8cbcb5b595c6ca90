import { BlockList } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addressBlock } from './address.ts'

it.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::FFFF:cb00:7109', '203.0.113.9'],
  ['0:0:0:0:0:ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:DB8:0000:0:a:b:c:d', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::', '2001:db8:0:1::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['unknown', 'unknown'],
  ['1.2.3.4:5678', '1.2.3.4:5678'],
  ['', ''],
])('%s counts as %s', (address, block) => {
  expect(addressBlock(address)).toBe(block)
})

it('two IPv6 addresses count as one where, and only where, their first 64 bits are the same', () => {
  const near = fc.tuple(fc.ipV6(), fc.ipV6()).chain(([one, other]) => fc.constantFrom([one, other], [one, one]))
  fc.assert(
    fc.property(near, ([one = '', other = '']) => {
      fc.pre(![one, other].some((address) => /^(::|0:0:0:0:0:)ffff:/i.test(address)))
      const block = new BlockList()
      block.addSubnet(one, 64, 'ipv6')
      expect(addressBlock(one) === addressBlock(other)).toBe(block.check(other, 'ipv6'))
    }),
  )
})
