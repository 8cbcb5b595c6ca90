import { expect, it } from 'vitest'
import { answeredFrom } from './answered-from.ts'

it.each([
  ['gateway-1; hit; ttl=29; detail=l1', 'l1'],
  ['gateway-1; hit; ttl=29; detail=l2', 'l2'],
  ['cache; hit; ttl=29, gateway-1; fwd=uri-miss', 'l2'],
  ['cache; hit; ttl=-2, gateway-1; fwd=uri-miss', 'stale'],
  ['gateway-1; hit; ttl=-1; detail=l1', 'stale'],
  ['gateway-1; fwd=uri-miss; stored', 'origin'],
  ['gateway-1; fwd=uri-miss; stored; collapsed', 'waited'],
  ['gateway-1; fwd=bypass', 'origin'],
  ['elsewhere; hit, gateway-1; fwd=vary-miss', 'origin'],
  ['gateway-1', undefined],
  [undefined, undefined],
] as const)('%s: %s', (cacheStatus, source) => expect(answeredFrom(cacheStatus)).toBe(source))
