/** What a request wants of a stored answer: its own cache directives (RFC 9111, 5.2.1), which are advice. */
import { ageOf } from '@spillway/cache-client'
import { deltaSeconds, parseCacheControl } from './directives.ts'
import { type RequestHeaders, requestField } from './fields.ts'
import type { EntryHead } from './fill.ts'

/** Seconds where they are numbers. */
export interface Demands {
  /** `no-store`: nothing of this exchange may be kept. */
  readonly unstored: boolean
  /** `no-cache`, or `Pragma: no-cache` where there is no `Cache-Control` (RFC 9111, 5.4). */
  readonly revalidated: boolean
  readonly maxAge: number
  readonly minFresh: number
  readonly maxStale: number
}

/** Of a request that wants nothing, or of one that is not asked. */
export const UNDEMANDING: Demands = {
  unstored: false,
  revalidated: false,
  maxAge: Number.POSITIVE_INFINITY,
  minFresh: 0,
  maxStale: 0,
}

export function demandsOf(headers: RequestHeaders): Demands {
  const cacheControl = requestField(headers, 'cache-control')
  if (cacheControl === undefined) {
    const pragma = requestField(headers, 'pragma')
    return pragma && parseCacheControl(pragma).has('no-cache') ? { ...UNDEMANDING, revalidated: true } : UNDEMANDING
  }
  const directives = parseCacheControl(cacheControl)
  const seconds = (name: string, absent: number) => {
    const argument = directives.get(name)
    return argument === undefined ? absent : deltaSeconds(argument)
  }
  return {
    unstored: directives.has('no-store'),
    revalidated: directives.has('no-cache'),
    maxAge: seconds('max-age', Number.POSITIVE_INFINITY),
    minFresh: seconds('min-fresh', 0),
    // Without an argument: however stale (5.2.1.2).
    maxStale: directives.get('max-stale') === '' ? Number.POSITIVE_INFINITY : seconds('max-stale', 0),
  }
}

/** Whether a request may be answered from the cache only (RFC 9111, 5.2.1.7). */
export function onlyIfCached(headers: RequestHeaders): boolean {
  const cacheControl = requestField(headers, 'cache-control')
  return cacheControl !== undefined && parseCacheControl(cacheControl).has('only-if-cached')
}

/**
 * How an entry may be used now for such a request: `fresh` and `asked` as it is, `stale` while it is revalidated;
 * undefined where it has to be revalidated first. `isFailing`: whether who was asked for it lately was out of order, so that it
 * may be used while somebody asks again (RFC 5861, 4).
 */
export function usable(
  entry: EntryHead,
  demands: Demands,
  now: number,
  isFailing = () => false,
): 'fresh' | 'asked' | 'stale' | undefined {
  const { fresh, whileRevalidate, ifError, ifAsked } = entry.windows
  const age = ageOf(entry, now)
  if (age < fresh) return suits(entry, age, demands) ? 'fresh' : undefined
  if (demands.revalidated || age > demands.maxAge * 1000) return undefined
  if (age < ifAsked && age < fresh + demands.maxStale * 1000) return 'asked'
  if (demands.minFresh > 0) return undefined
  return age < whileRevalidate || (age < ifError && isFailing()) ? 'stale' : undefined
}

/** A fresh one. What is immutable needs no reload (RFC 8246, 2). */
function suits(entry: EntryHead, age: number, demands: Demands): boolean {
  if (demands === UNDEMANDING) return true
  if (age + demands.minFresh * 1000 > entry.windows.fresh) return false
  return (!demands.revalidated && age <= demands.maxAge * 1000) || isImmutable(entry)
}

function isImmutable({ headers }: EntryHead): boolean {
  const lines = headers.filter(([name]) => name === 'cache-control').map(([, value]) => value)
  return parseCacheControl(lines.join(',')).has('immutable')
}
