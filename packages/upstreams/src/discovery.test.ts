import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { difference, type Place, placesOf, sourceOf } from './discovery.ts'

const traits = { weight: 1, backup: false, max: Number.POSITIVE_INFINITY }
const found = (entry: string, ...addresses: string[]) => placesOf(sourceOf(entry), addresses)
const origins = (places: readonly Place[]) => places.map(({ origin }) => origin)

describe('an entry', () => {
  it('is an origin, or with dns+ a name', () => {
    expect(sourceOf('http://Db:80/')).toEqual({ entry: 'http://db', origin: 'http://db', discovered: false, traits })
    expect(sourceOf('DNS+https://Db:5002')).toEqual({
      entry: 'dns+https://db:5002',
      origin: 'https://db:5002',
      discovered: true,
      traits,
    })
  })

  it.each(['dns+db:5002', 'dns+ftp://db', 'dns+dns+http://db', 'ftp://db', 'db', ''])('is not %j', (entry) => {
    expect(() => sourceOf(entry)).toThrow(TypeError)
  })
})

describe('an entry with more than its origin', () => {
  it('says it of each of its endpoints', () => {
    const source = sourceOf({ url: 'dns+http://db', weight: 2.5, backup: true, max: 10 })
    const said = { traits: { weight: 2.5, backup: true, max: 10 } }
    expect(placesOf(source, ['10.0.0.1', '10.0.0.2'])).toMatchObject([said, said])
  })

  it.each([
    [{ weight: 0 }, 'weight of http://db is 0; it must be above 0 and at most 1000'],
    [{ weight: 1001 }, 'weight of http://db is 1001'],
    [{ weight: Number.NaN }, 'weight of http://db is NaN'],
    [{ max: 0 }, 'max of http://db is 0; it must be a whole number from 1 on, or left out for no limit'],
    [{ max: 1.5 }, 'max of http://db is 1.5'],
  ])('does not say %o', (traits, error) => {
    expect(() => sourceOf({ url: 'http://db', ...traits })).toThrow(error)
  })
})

describe('places', () => {
  it('are one for a plain origin, and one for each address of a name', () => {
    expect(found('http://db:5002')).toEqual([
      { origin: 'http://db:5002', named: 'http://db:5002', address: undefined, traits },
    ])
    expect(found('dns+http://db:5002', '10.0.0.1', '2001:db8::0:1')).toEqual([
      { origin: 'http://10.0.0.1:5002', named: 'http://db:5002', address: '10.0.0.1', traits },
      { origin: 'http://[2001:db8::1]:5002', named: 'http://db:5002', address: '2001:db8::0:1', traits },
    ])
    expect(origins(found('dns+https://db', '10.0.0.1'))).toEqual(['https://10.0.0.1'])
  })

  it('are none for an address that no URL can hold', () => {
    expect(found('dns+http://db', 'fe80::1%eth0')).toEqual([])
  })
})

describe('the difference', () => {
  it('is who comes and who leaves; the others stay as they are', () => {
    const known = found('dns+http://db', '10.0.0.1', '10.0.0.2')
    const { kept, gone, added } = difference(known, found('dns+http://db', '10.0.0.3', '10.0.0.2'))
    expect([origins(kept), origins(gone), origins(added)]).toEqual([
      ['http://10.0.0.2'],
      ['http://10.0.0.1'],
      ['http://10.0.0.3'],
    ])
    expect(kept[0]).toBe(known[1])
  })

  it('takes an origin found twice for one, under the name it was known by', () => {
    const both = [...found('dns+http://a', '10.0.0.1'), ...found('dns+http://b', '10.0.0.1', '10.0.0.1')]
    expect(difference([], both).added).toEqual([both[0]])
    expect(difference(found('dns+http://b', '10.0.0.1'), both)).toMatchObject({
      kept: [{ named: 'http://b' }],
      gone: [],
      added: [],
    })
  })

  it('takes one that goes by another name now for another', () => {
    const { kept, gone, added } = difference(found('dns+http://a', '10.0.0.1'), found('dns+http://b', '10.0.0.1'))
    expect(kept).toEqual([])
    expect([gone, added]).toMatchObject([[{ named: 'http://a' }], [{ named: 'http://b' }]])
  })

  it('leads from anything known to exactly what was found, each origin once', () => {
    const place = fc
      .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('10.0.0.1', '10.0.0.2', '::1'))
      .map(([name, address]) => found(`dns+http://${name}`, address)[0] as Place)
    const known = fc.uniqueArray(place, { selector: ({ origin }) => origin })
    fc.assert(
      fc.property(known, fc.array(place), (before, now) => {
        const { kept, gone, added } = difference(before, now)
        expect([...kept, ...gone]).toHaveLength(before.length)
        const after = origins([...kept, ...added])
        expect(new Set(after)).toEqual(new Set(origins(now)))
        expect(after).toHaveLength(new Set(after).size)
      }),
    )
  })
})
