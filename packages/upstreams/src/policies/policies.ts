/** The policies by name; each is a file of its own, and this table is all that refers to it. */
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
 * @throws {TypeError} on a name that none has
 */
export function named(policy: PolicyName | Policy): { name: PolicyName | 'own'; policy: Policy } {
  if (typeof policy !== 'string') return { name: 'own', policy }
  if (!Object.hasOwn(policies, policy)) {
    throw new TypeError(`there is no policy ${policy}; there are ${policyNames.join(', ')}, and one of your own`)
  }
  return { name: policy, policy: policies[policy]() }
}

/** For settings. */
export const policyNames = Object.keys(policies) as readonly PolicyName[]
