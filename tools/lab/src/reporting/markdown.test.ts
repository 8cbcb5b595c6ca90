import fc from 'fast-check'
import { expect, it } from 'vitest'
import { escaped } from './markdown.ts'

it.each([
  ['a | b', 'a \\| b'],
  [' two\r\n lines ', 'two lines'],
  ['_so_ DB_LATENCY', '\\_so\\_ DB_LATENCY'],
  ['&lt; \\', '\\&lt; \\\\'],
])('writes %j so that it is shown as it is', (text, written) => {
  expect(escaped(text)).toBe(written)
})

it('leaves no line, cell or tag of its own in any text, and nothing but marks and blanks changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a_ \n\t*`[]<>|~&\\#-') }), (text) => {
      const written = escaped(text)
      expect(written.replaceAll(/\\./g, '')).not.toMatch(/[\n`*[\]<>|~&\\]/)
      expect(written.replaceAll(/\\(.)/g, '$1')).toBe(text.replaceAll(/\s+/g, ' ').trim())
    }),
  )
})
