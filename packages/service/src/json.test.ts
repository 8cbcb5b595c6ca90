import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson } from './json.ts'
import { Problem } from './problem.ts'

/** The value, or the code and detail of the refusal. */
function outcome(body: string | Buffer): { value: unknown } | { code: string; detail: string } {
  try {
    return { value: parseJson(Buffer.from(body as string)) }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return { code: error.code, detail: error.message }
  }
}
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const wide = (members: number) => `{${Array.from({ length: members }, (_, n) => `"${n}":0`).join()}}`

describe('JSON is refused', () => {
  it.each([
    ['nothing', ''],
    ['a byte order mark before it', '\ufeff{}'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['the bytes of half a surrogate pair', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ['a longer form than needed (UTF-8)', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['something behind it', '{}x'],
    ['a second value', '{}{}'],
    ['a null character behind it', '{}\0'],
    ['a comma too many', '{"a":1,}'],
    ['a comment', '{/* */}'],
    ['single quotes', "{'a':1}"],
    ['no number', 'NaN'],
    ['a number that begins with 0', '01'],
    ['a number that begins with +', '+1'],
    ['a raw line end in a string', '"\n"'],
    ['an unknown escape', '"\\x41"'],
    ['an end too early', '{"a":[1'],
  ])('as malformed: %s', (_, body) => {
    expect(outcome(body)).toMatchObject({ code: 'malformed_json' })
  })

  it.each([
    ['{"a":1,"b":2,"a":3}', '"a" comes twice'],
    ['{"a":1,"\\u0061":3}', '"a" comes twice'],
    ['[{"x":{"a":1,"a":1}}]', '"a" comes twice'],
    ['{"":1,"":2}', '"" comes twice'],
    [`{"${'x'.repeat(1000)}":1,"${'x'.repeat(1000)}":2}`, 'x…" comes twice'],
    ['{"__proto__":1}', '"__proto__"'],
    ['{"a":[{"\\u005f_proto__":{}}]}', '"__proto__"'],
    ['{"constructor":{"prototype":{}}}', '"prototype"'],
    ['{"constructor":{"a":{"b":1},"prototype":{}}}', '"prototype"'],
    ['9007199254740992', '"9007199254740992"'],
    ['[-9007199254740993]', 'send it as a string'],
    ['100000000000000000000', 'number'],
    ['1e309', 'number'],
    ['-1E+400', 'number'],
    ['1e-400', 'number'],
    ['0.1000000000000000055', 'number'],
    ['123456789012345678e-1', 'number'],
    [`0.${'0'.repeat(400)}1`, 'number'],
    ['"\\ud800"', 'surrogate'],
    ['{"\\udc00\\ud800":1}', 'surrogate'],
    ['"\\ud83d\\\\ude00"', 'surrogate'],
  ])('as ambiguous: %.40s', (body, detail) => {
    const refused = outcome(body)
    expect(refused).toMatchObject({ code: 'ambiguous_json', detail: expect.stringContaining(detail) })
    expect(JSON.stringify(refused).length).toBeLessThan(200)
  })

  it('as too complex: more than 128 levels or 50,000 members', () => {
    expect(outcome(nested(128))).toHaveProperty('value')
    expect(outcome(nested(129))).toMatchObject({ code: 'json_too_complex' })
    expect(outcome(nested(500_000))).toMatchObject({ code: 'json_too_complex' })
    expect(outcome(wide(50_000))).toHaveProperty('value')
    expect(outcome(wide(50_001))).toMatchObject({ code: 'json_too_complex' })
    expect(outcome(`[${wide(25_001)},${wide(25_000)}]`)).toMatchObject({ code: 'json_too_complex' })
  })

  it('without a word of the body where that is no JSON', () => {
    expect(JSON.stringify(outcome('{"password":"secret"'))).not.toContain('secret')
  })
})

describe('JSON is read exactly', () => {
  it.each([
    '-0',
    '0.1',
    '0.10000000000000000000000000',
    '10e-1',
    '1.7976931348623157e+308',
    '5e-324',
    '0.30000000000000004',
    '9007199254740991',
    '-9007199254740991',
    '1e300',
    '0e999',
    '0.000',
    '"\\ud83d\\ude00 😀 \\" \\\\ \\/ \\u2028"',
    '{"constructor":{"a":1},"prototype":1,"toString":2,"":3}',
    '{"constructor":{"a":{"prototype":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":{"a":{"a":1}}}',
    ' \r\n\t[ 1 , "{:[\\"" , {"a" : null} ] \n',
    '"a:{[1e999"',
  ])('%s', (text) => {
    expect(outcome(text)).toEqual({ value: JSON.parse(text) })
  })

  it('whatever Node writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const read = outcome(text)
        if ('value' in read) expect(read.value).toEqual(JSON.parse(text))
        else expect(read.code).toBe('ambiguous_json')
      }),
      { numRuns: 300 },
    )
  })

  it('or not at all, whatever comes: what is read is what JSON.parse reads, and nothing crashes', () => {
    const pieces = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"', '\\', '"a"', '"b"', '"\\u0061"', '"__proto__"', '1', '-0', '1e400', '.5'],
      ...['e', '\\ud800', ' ', 'true', 'null', '\ufeff', 'ü', '"a":1', '{"a":', '[1,2]', '90071992547409931'],
    )
    const soup = fc.array(pieces, { maxLength: 24 }).map((parts) => parts.join(''))
    const twisted = fc.tuple(fc.json(), fc.nat(), pieces).map(([text, at, piece]) => {
      const cut = at % (text.length + 1)
      return text.slice(0, cut) + piece + text.slice(cut)
    })
    const bytes = fc.oneof(
      soup.map((text) => Buffer.from(text)),
      twisted.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each)),
    )
    fc.assert(
      fc.property(bytes, (body) => {
        const read = outcome(body)
        if ('value' in read) expect(read.value).toEqual(JSON.parse(body.toString()))
        else expect(read.code).toMatch(/^(malformed|ambiguous)_json$/)
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses an object exactly where a name comes twice', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'A', '\\u0061', 'é', 'e\u0301', '\\n', ''), { maxLength: 4 })
    fc.assert(
      fc.property(names, (each) => {
        const decoded = each.map((name) => JSON.parse(`"${name}"`) as string)
        const text = `[0,{${each.map((name) => `"${name}":{"a":[]}`).join(' ,')}}]`
        expect('code' in outcome(text)).toBe(new Set(decoded).size < decoded.length)
      }),
    )
  })

  it('refuses a numeral exactly where what is read differs, whole or past 17 digits', () => {
    const numeral = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })).map(([n]) => String(n))
    fc.assert(
      fc.property(fc.oneof(numeral, fc.maxSafeInteger().map(String)), (text) => {
        const kept = BigInt(Number(text)) === BigInt(text) && Number.isSafeInteger(Number(text))
        expect('value' in outcome(text)).toBe(kept)
      }),
    )
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (any) => {
        // Minus zero is written as 0.
        const double = any + 0
        // The fewest digits, and the most that are taken.
        expect(outcome(double.toExponential())).toEqual({ value: double })
        expect(outcome(double.toExponential(16))).toEqual({ value: double })
      }),
    )
  })
})

it('takes time in step with the length, whatever the body is made of', () => {
  // At 4 MiB a reader that takes quadratic time would not end.
  const size = 4 * 1024 * 1024
  const bodies = [
    `[${'1'.repeat(size)}]`,
    `1.${'0'.repeat(size)}1`,
    `"${'\\"'.repeat(size / 2)}"`,
    `"${'\\u0061'.repeat(size / 6)}"`,
    '['.repeat(size),
    `[${'{"a":0},'.repeat(40_000)}0]`,
    ' '.repeat(size),
    `[${'"",'.repeat(size / 3)}0]`,
  ]
  expect(bodies.map((body) => 'value' in outcome(body))).toEqual([false, false, true, true, false, true, false, true])
})
