import { describe, expect, it } from 'vitest'
import type { Asked, ClientLoad } from './client.ts'
import { faultsOf, rotated } from './sample.ts'

const ASKED: Asked = {
  ...{ name: 'GET', method: 'GET', connections: 64, sends: 0 },
  answer: { path: '/', body: 'x'.repeat(128) },
}
const LOAD: ClientLoad = { requests: 1000, seconds: 1, bytes: 1000 * 300, p50: 1, p99: 2, failures: {} }

it('whoever goes first in one round goes last in the next', () => {
  expect([0, 1, 2, 3].map((round) => rotated(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc'])
  expect(rotated([], 1)).toEqual([])
})

describe('a load', () => {
  it('is believed where every answer was good and as long as it should be', () => {
    expect(faultsOf(LOAD, ASKED)).toEqual([])
  })

  it('is not where anything failed', () => {
    expect(faultsOf({ ...LOAD, failures: { 'not 2xx or 3xx': 3 } }, ASKED)).toEqual(['3 x not 2xx or 3xx'])
  })

  it('is not where nothing was answered', () => {
    expect(faultsOf({ ...LOAD, requests: 0, bytes: 0 }, ASKED)).toEqual(['nothing was answered'])
  })

  it('is not where answers were shorter or longer than they should be', () => {
    expect(faultsOf({ ...LOAD, bytes: 1000 * 100 }, ASKED)).toEqual(['answers had 100 B on average, heads included'])
    expect(faultsOf({ ...LOAD, bytes: 1000 * 9000 }, ASKED)).toHaveLength(1)
  })
})
