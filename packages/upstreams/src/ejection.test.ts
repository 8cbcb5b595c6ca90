import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { charge, mayEject, usable } from './ejection.ts'

const up = { available: true, passing: true, backup: false }
const ejected = { available: false, passing: true, backup: false }
const down = { available: false, passing: false, backup: false }

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

  it('are backups only while no other can be chosen without hesitation', () => {
    const backup = true
    const [spare, spareEjected, spareDown] = [
      { ...up, backup },
      { ...ejected, backup },
      { ...down, backup },
    ]
    expect(usable([up, spare])).toEqual([up])
    expect(usable([up, ejected, ejected, spare])).toEqual([up, ejected, ejected])
    expect(usable([down, spare, spareDown])).toEqual([spare])
    expect(usable([ejected, spare])).toEqual([spare])
    expect(usable([ejected, spareEjected])).toEqual([ejected])
    expect(usable([down, spareEjected])).toEqual([spareEjected])
    expect(usable([spare, spareEjected])).toEqual([spare])
  })

  it('are never those that are down or draining, always some while any passes its checks, and all of one tier', () => {
    const states = [up, ejected, down].flatMap((state) => [state, { ...state, backup: true }])
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...states)), (endpoints) => {
        const chosen = usable(endpoints)
        expect(chosen.every(({ passing }) => passing)).toBe(true)
        expect(chosen.length > 0).toBe(endpoints.some(({ passing }) => passing))
        expect(new Set(chosen.map(({ backup }) => backup)).size).toBeLessThanOrEqual(1)
        if (endpoints.includes(up)) expect(chosen).toContain(up)
      }),
    )
  })
})
