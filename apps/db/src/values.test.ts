import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unsupported } from './values.ts'

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

describe('unsupported', () => {
  it('says nothing about any JSON that is kept exactly', () => {
    const text = fc.string({ unit: 'grapheme' }).map((string) => string.replaceAll('\0', ''))
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => Math.abs(n) < 2 ** 53)
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, false),
        text,
        number,
        fc.array(tie('json')),
        fc.dictionary(text, tie('json')),
      ),
    }))
    fc.assert(
      fc.property(json, (value) => {
        expect(unsupported(value)).toBeUndefined()
      }),
    )
  })

  it.each([
    [{ a: [1, { b: 'x\0' }] }, '/a/1/b'],
    [{ 'x\0': 1 }, '/x'],
    [['\udc00'], '/0'],
    [{ '\ud800': 1 }, 'surrogate'],
    [[2 ** 53], '/0'],
    [{ n: -(2 ** 53) }, '/n'],
    [Number.POSITIVE_INFINITY, 'it'],
    [1e300, 'send it as a string'],
  ])('names the place and the reason of %j', (value, text) => {
    expect(unsupported(value)).toContain(text)
  })

  it('stops at 100 levels, however many there are', () => {
    expect(unsupported(nested(100))).toBeUndefined()
    expect(unsupported(nested(101))).toContain('100 levels')
    expect(unsupported(nested(50_000))).toContain('100 levels')
  })
})
