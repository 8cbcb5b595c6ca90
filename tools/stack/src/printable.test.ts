import { expect, it } from 'vitest'
import { printable } from './printable.ts'

it('leaves text as it is, in any language', () => {
  const text = '{"msg":"grüße, 世界 👩‍💻 \\"x\\" \\\\n"}\n\tat file:1\n'
  expect(printable(text)).toBe(text)
})

it.each([
  ['a colour', '\u001b[31mred', '\\u001b[31mred'],
  ['a title', '\u001b]0;x\u0007', '\\u001b]0;x\\u0007'],
  ['the same in one 8-bit character', '\u009b2J', '\\u009b2J'],
  ['an overwritten line', 'bad\rgood', 'bad\\u000dgood'],
  ['a deleted character', 'a\b\u007f', 'a\\u0008\\u007f'],
  ['a null character', '\0', '\\u0000'],
  ['a line turned round', 'a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
  ['line ends that only some see', '\u2028\u2029\u0085', '\\u2028\\u2029\\u0085'],
])('shows what would command the terminal: %s', (_, text, shown) => {
  expect(printable(text)).toBe(shown)
})
