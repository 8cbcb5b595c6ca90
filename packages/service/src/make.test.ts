import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandLineNames } from './make.ts'

/** As GNU make writes a variable into MAKEFLAGS. */
const escaped = (text: string) => text.replaceAll('$', '$$$$').replace(/[\s\\]/g, '\\$&')

describe('commandLineNames', () => {
  it.each([
    ['', []],
    ['s', []],
    [' -j2 --jobserver-auth=3,4 --no-print-directory', []],
    [' -- GATEWAYS=5', ['GATEWAYS']],
    ['s -- DB_LATENCY:=1s GATEWAYS=5', ['DB_LATENCY', 'GATEWAYS']],
    [' -- A=b\\ C=d E=', ['A', 'E']],
  ])('of %j', (makeflags, names) => {
    expect(commandLineNames(makeflags)).toEqual(names)
  })

  it('finds every name, whatever the values are', () => {
    const variable = fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,15}$/), fc.string())
    fc.assert(
      fc.property(fc.constantFrom('', 's', 'ks -j4'), fc.array(variable, { minLength: 1 }), (flags, variables) => {
        const makeflags = `${flags} -- ${variables.map(([name, value]) => `${name}=${escaped(value)}`).join(' ')}`
        expect(commandLineNames(makeflags)).toEqual(variables.map(([name]) => name))
      }),
    )
  })
})
