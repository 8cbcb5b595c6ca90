import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameMistake, normalName } from './account-name.ts'

describe('a name for an account', () => {
  it.each(['ada', 'Ada.Lovelace', 'a_d-a+b@example.org', 'Jürgen', 'Ада', 'Ελένη', '王小明', '7of9'])(
    '%s is taken',
    (name) => expect(nameMistake(normalName(name))).toBeUndefined(),
  )

  it('is kept in one way of writing it', () => {
    expect(normalName(' ｇｒａｃｅ\u00a0')).toBe('grace')
    expect(normalName('Ju\u0308rgen')).toBe('J\u00fcrgen')
  })

  it.each([
    ['', 'is empty'],
    ['x'.repeat(65), '65 characters; at most 64'],
    ['a b', 'must begin with a letter or digit'],
    ['-rf', 'must begin with a letter or digit'],
    ['a\u0000b', 'must begin'],
    ['a\nb', 'must begin'],
    ['a\u200db', 'must begin'],
    ['ad\u202ea', 'must begin'],
    ['ada\ufe0f', 'must begin'],
    ['a/b', 'must begin'],
    ['grаce', 'mixes Latin and Cyrillic'],
    ['gracε', 'mixes Latin and Greek'],
  ])('%j is refused: it %s', (name, why) => expect(nameMistake(normalName(name))).toContain(why))

  it('whatever it is, is judged without a failure, and the judgement does not change by writing it again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const name = normalName(text)
        expect(nameMistake(normalName(name))).toBe(nameMistake(name))
      }),
    )
  })
})
