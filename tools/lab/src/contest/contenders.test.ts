import { expect, it } from 'vitest'
import { parsePolicies } from './contenders.ts'

it('the policies are those that the balancer names, however many', () => {
  const complaint = (list: string) =>
    `balancer: The settings have a mistake:\n  POLICY is "which"; it must be one of ${list}\n`
  expect(parsePolicies(complaint('round-robin'))).toEqual(['round-robin'])
  expect(parsePolicies(complaint('round-robin, random, p2c-ewma'))).toEqual(['round-robin', 'random', 'p2c-ewma'])
  expect(parsePolicies('')).toEqual([])
})
