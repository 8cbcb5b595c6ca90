import { expect, it } from 'vitest'
import { LabError } from '../stack.ts'
import { attempted, turns } from './part.ts'

it('has each contender in each case in each round, and who goes first in one round last in the next', () => {
  const seen = [...turns(2, ['x', 'y'], ['a', 'b'])].map(({ round, kind, contender }) => `${round}${kind}${contender}`)
  expect(seen).toEqual(['1xa', '1xb', '1ya', '1yb', '2xb', '2xa', '2yb', '2ya'])
})

it('that its processes fail is told, and nothing else is caught', async () => {
  const { signal } = new AbortController()
  const failing = (error: Error) =>
    attempted<{ row: string; faults: readonly string[] }>({ row: 'a' }, signal, () => Promise.reject(error))
  expect(await failing(new LabError('it did not start'))).toMatchObject({ row: 'a', faults: ['it did not start'] })
  await expect(failing(new TypeError('a mistake of ours'))).rejects.toThrow(TypeError)
})
