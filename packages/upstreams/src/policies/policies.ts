/** The policies by name; each is a file of its own, and this table is all that refers to it. */
import { guarded } from './guarded.ts'
import { hash } from './hash.ts'
import { leastInflight } from './least-inflight.ts'
import { leastLatency } from './least-latency.ts'
import { p2cEwma } from './p2c-ewma.ts'
import type { Policy } from './policy.ts'
import { prequal } from './prequal.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'

/** Factories with the options' defaults: each cluster has a policy of its own. */
export const policies = {
  'round-robin': roundRobin,
  random,
  'least-inflight': leastInflight,
  'p2c-ewma': p2cEwma,
  prequal,
  hash,
  'least-latency': leastLatency,
} as const satisfies Record<string, () => Policy>

export type PolicyName = keyof typeof policies

/**
 * A policy and what it is called; `own` is one that was given itself.
 * @param onMistake hears of the first wrong choice of one's own
 * @throws {TypeError} on a name that none has
 */
export function named(policy: PolicyName | Policy, onMistake: (mistake: string) => void) {
  if (typeof policy !== 'string') return { name: 'own' as const, policy: guarded(policy, onMistake) }
  const name = nameOf(policy)
  return { name, policy: policies[name]() }
}

/** For settings. */
export const policyNames = Object.keys(policies) as readonly PolicyName[]

/** @throws {TypeError} on a name that none has */
export function nameOf(policy: string): PolicyName {
  if (Object.hasOwn(policies, policy)) return policy as PolicyName
  throw new TypeError(`there is no policy ${policy}; there are ${policyNames.join(', ')}, and a file such as ./mine.ts`)
}
