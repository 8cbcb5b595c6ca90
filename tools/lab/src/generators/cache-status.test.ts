import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cacheOutcome } from './cache-status.ts'

describe('what Cache-Status says', () => {
  it.each([
    ['gateway-1; hit; ttl=29; detail=l1', 'hit'],
    ['gateway-1; hit', 'hit'],
    ['cache; hit; ttl=29, gateway-1; fwd=uri-miss; detail=l2', 'hit'],
    ['gateway-1; fwd=uri-miss; stored', 'miss'],
    ['gateway-1; fwd=vary-miss', 'miss'],
    ['gateway-1; fwd=bypass', 'miss'],
    ['gateway-1; fwd=uri-miss; stored; collapsed', 'collapsed'],
    ['gateway-1', 'none'],
    ['gateway-1; detail=hit', 'none'],
    ['origin; hit, gateway-1; fwd=uri-miss', 'miss'],
    ['origin; fwd=uri-miss, gateway-1;hit', 'hit'],
    ['gateway-1; hit, cdn; fwd=uri-miss', 'none'],
    ['gateway-10; hit', 'none'],
    ['', 'none'],
  ] as const)('%j is %s of gateway-1', (field, outcome) => {
    expect(cacheOutcome(field, 'gateway-1, db-1')).toBe(outcome)
  })

  it('is the last member’s where nobody says who answered, and none without the field', () => {
    expect(cacheOutcome('origin; fwd=miss, any; hit', undefined)).toBe('hit')
    expect(cacheOutcome(undefined, 'gateway-1')).toBe('none')
  })

  it('never fails on what it cannot read', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (field, servedBy) => {
        expect(['hit', 'miss', 'collapsed', 'none']).toContain(cacheOutcome(field, servedBy))
      }),
    )
  })
})
