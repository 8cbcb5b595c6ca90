/** A policy of one's own, from a file. */
import { FILE, loadFunction } from '../own.ts'
import { kindOf } from './guarded.ts'
import { nameOf, type PolicyName, policyNames } from './policies.ts'
import type { Policy } from './policy.ts'

/** For settings: what `loadPolicy` takes, by its looks and in words. */
export const policyText = {
  pattern: `^(${policyNames.join('|')})$|${FILE.source}`,
  wants: `one of ${policyNames.join(', ')}, or a file such as ./mine.ts`,
}

/**
 * A policy as settings give it: a name, or a file whose default export is a function that returns one. The function is
 * called each time, so that each cluster has a policy of its own; a file that changed is loaded anew, and what it imports
 * is not.
 * @param base the folder that a relative file is looked for in
 * @throws {Error} on a name that none has, and on a file that is not there, cannot be loaded, or gives no policy
 */
export async function loadPolicy(policy: string, base: string = process.cwd()): Promise<PolicyName | Policy> {
  if (!FILE.test(policy)) return nameOf(policy)
  try {
    const make = await loadFunction(policy, base, 'returns an object with choose')
    const own = make() as Partial<Policy> | undefined
    if (typeof own?.choose !== 'function') throw new TypeError(`its function returns ${kindOf(own)} without choose`)
    return own as Policy
  } catch (cause) {
    throw new Error(`${policy} is no policy: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
}
