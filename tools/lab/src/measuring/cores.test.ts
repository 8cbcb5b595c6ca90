import { expect, it } from 'vitest'
import { coresOf } from './cores.ts'

it('the contender has a core that nobody else has, where there are two', () => {
  expect(coresOf(1)).toEqual({})
  expect(coresOf(2)).toEqual({ contender: 1, client: 0, upstreams: 0 })
  expect(coresOf(8)).toEqual({ contender: 7, client: 0, upstreams: 1 })
})
