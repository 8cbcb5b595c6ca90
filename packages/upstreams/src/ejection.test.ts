import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { charge, mayEject, usable } from './ejection.ts'

const up = { available: true, passing: true }
const ejected = { available: false, passing: true }
const down = { available: false, passing: false }

describe('an endpoint is charged', () => {
  it('with five failures in a row', () => {
    expect(charge(4, 100, 4)).toBeUndefined()
    expect(charge(5, 100, 5)).toBe('5 failures in a row')
  })

  it('with less than 80 % good of at least five requests', () => {
    expect(charge(1, 4, 4)).toBeUndefined()
    expect(charge(1, 5, 1)).toBeUndefined()
    expect(charge(1, 5, 2)).toBe('success rate under 80 %')
    expect(charge(0, 0, 0)).toBeUndefined()
  })
})

it('at most 10 % are ejected, but at least one', () => {
  expect(mayEject(0, 1)).toBe(true)
  expect(mayEject(1, 3)).toBe(false)
  expect(mayEject(1, 20)).toBe(true)
  expect(mayEject(2, 20)).toBe(false)
})

describe('usable', () => {
  it('are those that are up', () => {
    expect(usable([up, ejected, up, down])).toEqual([up, up])
  })

  it('are the ejected too when under half of those that pass their checks are left', () => {
    expect(usable([up, ejected, ejected, down])).toEqual([up, ejected, ejected])
    expect(usable([up, ejected, down])).toEqual([up])
    expect(usable([ejected])).toEqual([ejected])
  })

  it('are never those that are down or draining, and always some while any passes its checks', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(up, ejected, down)), (endpoints) => {
        const chosen = usable(endpoints)
        expect(chosen.every(({ passing }) => passing)).toBe(true)
        expect(chosen.length > 0).toBe(endpoints.some(({ passing }) => passing))
      }),
    )
  })
})
