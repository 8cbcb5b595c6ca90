/** Whether a row may be believed, and if not, why not. */

import type { Run } from '../run.ts'
import { whole } from './figures.ts'
import { INCONCLUSIVE, INVALID } from './gates.ts'

export interface Verdict {
  readonly verdict: 'valid' | 'invalid' | 'inconclusive'
  /** Sentences with figures; empty where the row is valid. */
  readonly reasons: readonly string[]
}

/** A row with a lie in it is invalid, whatever the machine did meanwhile. */
export function judge(run: Run): Verdict {
  // Every other gate would complain of the same.
  const nothing = nothingMeasured(run)
  if (nothing !== undefined) return { verdict: 'invalid', reasons: [nothing] }
  const invalid = reasons(INVALID, run)
  if (invalid.length > 0) return { verdict: 'invalid', reasons: invalid }
  const inconclusive = reasons(INCONCLUSIVE, run)
  return { verdict: inconclusive.length > 0 ? 'inconclusive' : 'valid', reasons: inconclusive }
}

function nothingMeasured({ load: { requests, duration } }: Run): string | undefined {
  if (requests === 0) return 'No request was made: nothing was measured.'
  return duration > 0 ? undefined : `The ${whole(requests)} requests took 0 s in all: no rate was measured.`
}

function reasons(gates: Record<string, (run: Run) => string | undefined>, run: Run): string[] {
  return Object.values(gates).flatMap((gate) => gate(run) ?? [])
}
