import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rangesOf } from './ranges.ts'

describe('Range (RFC 9110, 14.1.2, 14.2)', () => {
  it.each<[string, [number, number][]]>([
    ['bytes=0-4', [[0, 4]]],
    ['bytes=5-', [[5, 9]]],
    ['bytes=-3', [[7, 9]]],
    ['bytes=-30', [[0, 9]]],
    ['bytes=8-99999999999999999999', [[8, 9]]],
    [
      'Bytes = 1-1 , 3-3',
      [
        [1, 1],
        [3, 3],
      ],
    ],
    [
      'bytes=0-0,,-1',
      [
        [0, 0],
        [9, 9],
      ],
    ],
    ['bytes=0-1,20-30', [[0, 1]]],
    [
      'bytes=5-6,0-1',
      [
        [5, 6],
        [0, 1],
      ],
    ],
  ])('%s of 10 bytes', (field, parts) => {
    expect(rangesOf(field, 10)).toEqual(parts.map(([first, last]) => ({ first, last })))
  })

  it.each(['bytes=10-', 'bytes=10-12, 20-', 'bytes=-0'])('%s of 10 bytes: none exists (15.5.17)', (field) => {
    expect(rangesOf(field, 10)).toBe('unsatisfiable')
  })

  it('nothing exists of nothing', () => {
    expect(rangesOf('bytes=0-', 0)).toBe('unsatisfiable')
    expect(rangesOf('bytes=-1', 0)).toBe('unsatisfiable')
  })

  it.each(['lines=0-1', 'bytes', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=3-2', 'bytes=0-1,x', 'bytes=0--1', '0-1'])(
    '%s: ignored',
    (field) => {
      expect(rangesOf(field, 10)).toBe('whole')
    },
  )

  it.each([
    'bytes=0-,0-,0-',
    'bytes=0-5,5-9',
    'bytes=5-9,0-5',
    `bytes=${Array.from({ length: 11 }, (_, i) => `${2 * i}-${2 * i}`)}`,
  ])('%s: the whole, since the parts overlap or are too many (17.15)', (field) => {
    expect(rangesOf(field, 100)).toBe('whole')
  })

  it('never gives what is not there, nor more than the whole', () => {
    const spec = fc
      .tuple(fc.option(fc.nat(20), { nil: '' }), fc.option(fc.nat(20), { nil: '' }))
      .map((ends) => ends.join('-'))
    fc.assert(
      fc.property(fc.array(spec, { maxLength: 12 }), fc.nat(20), (specs, length) => {
        const ranges = rangesOf(`bytes=${specs}`, length)
        if (typeof ranges === 'string') return
        for (const { first, last } of ranges) {
          expect(first).toBeGreaterThanOrEqual(0)
          expect(last).toBeGreaterThanOrEqual(first)
          expect(last).toBeLessThan(length)
        }
        expect(ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)).toBeLessThanOrEqual(length)
      }),
    )
  })

  it('takes any text', () => {
    fc.assert(fc.property(fc.string(), fc.nat(), (text, length) => void rangesOf(text, length)))
  })
})
