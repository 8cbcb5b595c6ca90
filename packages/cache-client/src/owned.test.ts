import { expect, it } from 'vitest'
import { owned } from './owned.ts'

it('bytes that are kept keep nothing else in memory', () => {
  const shared = Buffer.from('some body of a larger whole')
  expect(shared.buffer.byteLength).toBeGreaterThan(shared.length)
  const kept = owned(shared.subarray(5, 9))
  expect([kept.toString(), kept.buffer.byteLength]).toEqual(['body', 4])
  expect(owned(kept)).toBe(kept)
})
