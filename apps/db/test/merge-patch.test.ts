import type { TestDatabase } from '@spillway/postgres/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migratedDatabase } from './world.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await migratedDatabase()
})
afterAll(() => database.drop())

async function merged(target: unknown, patch: unknown): Promise<unknown> {
  const [row] = await database.sql('SELECT merge_patch($1::jsonb, $2::jsonb) AS value', [
    JSON.stringify(target),
    JSON.stringify(patch),
  ])
  return row?.['value']
}

// RFC 7396, appendix A.
it.each([
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])('%j merged with %j is %j', async (target, patch, result) => {
  expect(await merged(target, patch)).toEqual(result)
})

/** RFC 7396, section 2, as it is written there. */
function reference(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result = new Map(Object.entries(isObject(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, reference(result.get(name), value))
  }
  return Object.fromEntries(result)
}
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

it('agrees with the RFC’s own algorithm on anything', async () => {
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, 1, 'x'),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'ä', ''), tie('json')),
    ),
  }))
  await fc.assert(
    fc.asyncProperty(json, json, async (target, patch) => {
      expect(await merged(target, patch)).toEqual(reference(target, patch))
    }),
    { numRuns: 300 },
  )
})

it('merges a patch of 20,000 members and one 100 levels deep', async () => {
  const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`n${n}`, n]))
  expect(Object.keys((await merged(wide, { ...wide, n0: null })) as object)).toHaveLength(19_999)
  let deep: unknown = 1
  for (let level = 0; level < 100; level++) deep = { a: deep }
  expect(await merged(deep, deep)).toEqual(deep)
})
