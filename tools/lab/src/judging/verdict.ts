/** Whether a row may be believed, and if not, why not. */

import type { Run } from '../run.ts'
import { INCONCLUSIVE, INVALID } from './gates.ts'

export interface Verdict {
  readonly verdict: 'valid' | 'invalid' | 'inconclusive'
  /** Sentences with figures; empty where the row is valid. */
  readonly reasons: readonly string[]
}

/** A row with a lie in it is invalid, whatever the machine did meanwhile. */
export function judge(run: Run): Verdict {
  // Every other gate would complain of the same.
  if (run.load.requests === 0) return { verdict: 'invalid', reasons: ['No request was made: nothing was measured.'] }
  const invalid = reasons(INVALID, run)
  if (invalid.length > 0) return { verdict: 'invalid', reasons: invalid }
  const inconclusive = reasons(INCONCLUSIVE, run)
  return { verdict: inconclusive.length > 0 ? 'inconclusive' : 'valid', reasons: inconclusive }
}

function reasons(gates: Record<string, (run: Run) => string | undefined>, run: Run): string[] {
  return Object.values(gates).flatMap((gate) => gate(run) ?? [])
}
