/** Keeps a policy that somebody else wrote from doing harm. */
import type { Policy } from './policy.ts'
import { draw } from './random.ts'

/** Characters of a mistake that are told: it becomes a label of metrics. */
const LONGEST_MISTAKE = 200

/**
 * The same choices, but one by chance where it throws, or names nobody; `onMistake` hears of the first of these alone,
 * since each request may bring one.
 */
export function guarded(policy: Policy, onMistake: (mistake: string) => void): Policy {
  let told = false
  return {
    choose(candidates, circumstances) {
      let mistake: string
      try {
        // Sorted or emptied, it may be the list of the cluster's endpoints.
        const at: unknown = policy.choose(candidates.slice(), circumstances)
        if (Number.isInteger(at) && candidates[at as number]) return at as number
        // One that is async by mistake may reject yet, which nobody would hear of but the process, and end.
        if (at instanceof Promise) at.catch(() => {})
        mistake = `it chose ${typeof at === 'number' ? at : kindOf(at)}, of ${candidates.length}`
      } catch (error) {
        mistake = `it threw ${error instanceof Error ? error : kindOf(error)}`
      }
      if (!told) onMistake(`${mistake.slice(0, LONGEST_MISTAKE)}; chance chooses where it cannot`)
      told = true
      return draw(candidates, circumstances.random)
    },
  }
}

/** For errors: what somebody's code gave us. */
export function kindOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${value.constructor?.name ?? typeof value}`
}
